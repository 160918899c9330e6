import { closeSync, openSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { must } from "@funkygibbon/kernel/must";
import { errorOfSqlite } from "./sqlite-error.ts";
import { SqliteRecords } from "./sqlite-records.ts";
import {
  editFromText,
  editToText,
  META_COLUMNS,
  metaFromRow,
  metaToRow,
  RECORD_COLUMNS,
  type Row,
  recordToRow,
} from "./sqlite-rows.ts";
import type { Store, StoreBatch, StoredReplica } from "./store.ts";
import { storeCorrupt, storeTooNew, storeTooOld, storeUnusable } from "./store-error.ts";
import { leaveWord, takeWordBack } from "./store-holder.ts";

/** Marks our files among all that are SQLite databases: `fgib`. */
const APPLICATION_ID = 0x66676962;
/** Raised with every change of the tables, together with a step in {@link SqliteStore} that brings older files along. */
const FORMAT = 1;

const TABLES = `
  CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    device_id TEXT NOT NULL,
    household TEXT,
    epoch TEXT,
    cursor TEXT NOT NULL,
    session_key BLOB,
    last_claimed_us INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    vector_clock TEXT NOT NULL,
    forked INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE records (
    record TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    parents TEXT NOT NULL,
    type INTEGER NOT NULL,
    source INTEGER NOT NULL,
    from_id TEXT,
    to_id TEXT,
    body TEXT NOT NULL,
    deleted INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    author TEXT NOT NULL,
    device TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    stamps TEXT,
    claimed_us INTEGER NOT NULL,
    effective_us INTEGER NOT NULL,
    lost_body TEXT
  ) STRICT;
  CREATE TABLE edits (
    version TEXT PRIMARY KEY,
    edit TEXT NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

/**
 * A replica in one SQLite file, for Node. One client at a time: SQLite's own lock on the file keeps others out, and
 * goes with the process, however it ends.
 *
 * Every batch is synced to the disk before it counts (`synchronous = FULL`; the write-ahead log makes that one sync).
 * Less would survive a kill but not a power cut, which could then take back an edit that its user has seen kept, or a
 * sequence number that the server has seen used.
 */
export class SqliteStore implements Store {
  readonly #file: string;
  /** Where the file is, whatever becomes the process's folder, and which it is. */
  readonly #path: string;
  readonly #identity: string | undefined;
  readonly #database: DatabaseSync;
  readonly #statements: Record<"putMeta" | "clearRecords" | "putRecord" | "putEdit" | "removeEdit", StatementSync>;

  private constructor(file: string, database: DatabaseSync) {
    this.#file = file;
    this.#path = resolve(file);
    this.#identity = identityOf(this.#path);
    this.#database = database;
    this.#statements = {
      putMeta: database.prepare(
        `INSERT OR REPLACE INTO meta (only_row, ${META_COLUMNS.join(", ")}) VALUES (1${", ?".repeat(META_COLUMNS.length)})`,
      ),
      clearRecords: database.prepare("DELETE FROM records"),
      putRecord: database.prepare(
        `INSERT INTO records (${RECORD_COLUMNS.join(", ")}) VALUES (?${", ?".repeat(RECORD_COLUMNS.length - 1)})
         ON CONFLICT (record) DO UPDATE SET ${RECORD_COLUMNS.map((name) => `${name} = excluded.${name}`).join(", ")}`,
      ),
      putEdit: database.prepare("INSERT OR REPLACE INTO edits (version, edit) VALUES (?, ?)"),
      removeEdit: database.prepare("DELETE FROM edits WHERE version = ?"),
    };
  }

  /**
   * Opens the file, which is made when there is none, readable by its owner alone.
   * @throws DomainError with reason STORE_IN_USE, STORE_READ_ONLY, STORE_FULL, STORE_CORRUPT, STORE_TOO_NEW, STORE_TOO_OLD
   * or STORE_UNUSABLE.
   */
  static open(file: string): SqliteStore {
    let database: DatabaseSync | undefined;
    try {
      closeSync(openSync(file, "a", 0o600));
      database = new DatabaseSync(file);
      prepareDatabase(file, database);
      leaveWord(file);
      return new SqliteStore(file, database);
    } catch (error) {
      database?.close();
      throw errorOfSqlite(file, error);
    }
  }

  async load(): Promise<StoredReplica> {
    try {
      const meta = this.#rows(`SELECT ${META_COLUMNS.join(", ")} FROM meta`).toArray()[0];
      const records = new SqliteRecords(this.#file, this.#database);
      const edits = this.#rows("SELECT edit FROM edits")
        .map(([edit]) => editFromText(edit as string))
        .toArray();
      return { meta: meta === undefined ? undefined : metaFromRow(meta), records, edits };
    } catch (error) {
      throw errorOfSqlite(this.#file, error);
    }
  }

  /** Of which household the replica is, undefined before its first contact, and how many edits it still holds. */
  async belongings(): Promise<{ readonly household: string | undefined; readonly edits: number }> {
    try {
      const [row] = this.#rows("SELECT (SELECT household FROM meta), (SELECT count(*) FROM edits)");
      return { household: (row?.[0] ?? undefined) as string | undefined, edits: Number(row?.[1]) };
    } catch (error) {
      throw errorOfSqlite(this.#file, error);
    }
  }

  async apply(batch: StoreBatch): Promise<void> {
    const { putMeta, clearRecords, putRecord, putEdit, removeEdit } = this.#statements;
    const database = this.#database;
    try {
      this.#mustBeInPlace();
      database.exec("BEGIN IMMEDIATE");
      if (batch.clearRecords) clearRecords.run();
      for (const record of batch.putRecords) putRecord.run(...recordToRow(record));
      for (const version of batch.removeEdits) removeEdit.run(version);
      for (const edit of batch.putEdits) putEdit.run(edit.version, editToText(edit));
      if (batch.meta !== undefined) putMeta.run(...metaToRow(batch.meta));
      database.exec("COMMIT");
    } catch (error) {
      // SQLite has ended the transaction by itself after some errors.
      if (database.isTransaction) database.exec("ROLLBACK");
      throw errorOfSqlite(this.#file, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#database.isOpen) return;
    takeWordBack(this.#file);
    this.#database.close();
  }

  /** SQLite goes on writing to a file that has no name any more, and nobody would find those edits. */
  #mustBeInPlace(): void {
    if (identityOf(this.#path) === this.#identity) return;
    throw storeUnusable(this.#file, "the file was moved or deleted while it was open");
  }

  #rows(sql: string): IteratorObject<Row> {
    const statement = this.#database.prepare(sql);
    statement.setReturnArrays(true);
    return statement.iterate() as unknown as IteratorObject<Row>;
  }
}

/** Tells a file from others that have, or had, its name; undefined: there is none. */
function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev} ${stats.ino}`;
}

/** Takes the file for this process alone, and makes the tables in a new one. What is not ours is left as it is. */
function prepareDatabase(file: string, database: DatabaseSync): void {
  // Before the first look at the file, so that the log needs no memory shared with others.
  database.exec("PRAGMA locking_mode = EXCLUSIVE");
  const isNew = numberOf(database, "SELECT count(*) FROM sqlite_schema") === 0;
  const format = numberOf(database, "PRAGMA user_version");
  const isOurs = numberOf(database, "PRAGMA application_id") === APPLICATION_ID;
  if (!isNew && !isOurs) throw storeCorrupt(file, "it is a database of another program");
  if (format > FORMAT) throw storeTooNew(file, FORMAT);
  if (!isNew && (format < FORMAT || lacksColumns(database))) throw storeTooOld(file);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  // On Apple's systems an ordinary sync ends in the disk's cache.
  database.exec("PRAGMA fullfsync = ON");
  // Also takes the lock when there is nothing to write.
  database.exec("BEGIN IMMEDIATE");
  if (isNew) database.exec(TABLES);
  database.exec("COMMIT");
}

/** Releases before the first one have changed the tables without saying so. */
function lacksColumns(database: DatabaseSync): boolean {
  const known = (name: string) => database.prepare("SELECT name FROM pragma_table_info(?)").all(name);
  const lacks = (table: string, columns: readonly string[]) => {
    const names = new Set(known(table).map(({ name }) => name));
    return columns.some((column) => !names.has(column));
  };
  return lacks("records", RECORD_COLUMNS) || lacks("meta", META_COLUMNS);
}

function numberOf(database: DatabaseSync, sql: string): number {
  const [value] = Object.values(must(database.prepare(sql).get(), `${sql} has a row`));
  return Number(value);
}
