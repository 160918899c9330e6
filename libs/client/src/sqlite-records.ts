import type { DatabaseSync } from "node:sqlite";
import { must } from "@funkygibbon/kernel/must";
import { IdList } from "./id-list.ts";
import type { BaseRecord } from "./replica-record.ts";
import { RECORD_COLUMNS, type Row, recordFromRow } from "./sqlite-rows.ts";
import type { UnreadRecords } from "./store.ts";
import { storeCorrupt } from "./store-error.ts";
import { EDGE, StoredGraph } from "./stored-graph.ts";

/** Rows that are read at once. */
const PAGE_ROWS = 4_000;

/** A length is told by two characters: how many of these it is, and the rest. */
const UNIT = 4_096;

const [RECORD, BODY, ...OTHERS] = RECORD_COLUMNS;

const lengthOf = (column: string) => `char(octet_length(${column}) / ${UNIT}, octet_length(${column}) % ${UNIT})`;

/** The next rows as one, each column a text of them all. */
const READ_PAGE = `
  SELECT
    max(rowid),
    max(seq),
    group_concat(${RECORD}, ''),
    CAST(group_concat(char(CASE WHEN deleted = 1 THEN 0 WHEN type < 1 THEN ${EDGE} WHEN from_id IS NULL THEN type ELSE type + ${EDGE} END), '') AS BLOB),
    coalesce(group_concat(from_id || to_id, '') FILTER (WHERE deleted <> 1), ''),
    CAST(group_concat(${lengthOf(BODY)} || ${lengthOf("others")}, '') AS BLOB),
    CAST(group_concat(${BODY} || others, '') AS BLOB)
  FROM (
    SELECT rowid, ${RECORD}, ${BODY}, deleted, type, from_id, to_id, seq, json_array(${OTHERS.join(", ")}) AS others
    FROM records WHERE rowid > ? ORDER BY rowid LIMIT ${PAGE_ROWS}
  )`;

type PageRow = [
  rowid: number,
  seq: number,
  ids: string,
  types: Uint8Array,
  ends: string,
  lengths: Uint8Array,
  said: Uint8Array,
];

/** The body of each row, which is long, as it is, and what else the row says in JSON. */
interface Page {
  readonly said: Buffer;
  /** Where bodies and the rest begin in it by turns, and where the last ends. */
  readonly starts: Int32Array;
}

/**
 * The records of a replica's file in a few large texts. To make them all takes several times as long as to read these, most
 * of it for memory that few of them need soon.
 */
export class SqliteRecords implements UnreadRecords {
  readonly #file: string;
  readonly #pages: readonly Page[];
  readonly newestSeq: number;
  readonly ids: IdList;
  readonly graph: StoredGraph;

  /** @throws when SQLite does, and when what finds the records is damaged. */
  constructor(file: string, database: DatabaseSync) {
    const rows = readPages(database);
    this.#file = file;
    this.#pages = rows.map(([, , , , , lengths, said]) => ({
      said: bufferOf(said),
      starts: startsOf(bufferOf(lengths).toString()),
    }));
    this.newestSeq = rows.reduce((newest, [, seq]) => Math.max(newest, seq), 0);
    this.ids = new IdList(rows.map(([, , ids]) => ids).join(""));
    const types = Buffer.concat(rows.map(([, , , types]) => types));
    this.graph = new StoredGraph({ ids: this.ids, types, ends: rows.map(([, , , , ends]) => ends).join("") });
  }

  read(place: number): BaseRecord {
    const { said, starts } = must(this.#pages[Math.floor(place / PAGE_ROWS)], "places are those of the ids");
    const index = 2 * (place % PAGE_ROWS);
    try {
      const body = said.toString("utf8", starts[index], starts[index + 1]);
      const others = said.toString("utf8", starts[index + 1], starts[index + 2]);
      return recordFromRow(this.ids.at(place), body, JSON.parse(others) as Row);
    } catch (error) {
      throw storeCorrupt(this.#file, error);
    }
  }

  *[Symbol.iterator](): Iterator<BaseRecord> {
    for (let place = 0; place < this.ids.length; place++) yield this.read(place);
  }
}

function readPages(database: DatabaseSync): PageRow[] {
  const statement = database.prepare(READ_PAGE);
  statement.setReturnArrays(true);
  const rows: PageRow[] = [];
  for (let last: number | null = 0; last !== null; ) {
    const row = statement.get(last) as unknown as PageRow;
    last = row[0];
    if (last !== null) rows.push(row);
  }
  return rows;
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function startsOf(lengths: string): Int32Array {
  const starts = new Int32Array(lengths.length / 2 + 1);
  let end = 0;
  for (let index = 0; index < starts.length - 1; index++) {
    end += lengths.charCodeAt(2 * index) * UNIT + lengths.charCodeAt(2 * index + 1);
    starts[index + 1] = end;
  }
  return starts;
}
