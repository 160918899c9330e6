import type { RecordId } from "@funkygibbon/kernel/ids";
import { metaOf, type Transaction } from "./indexed-db-schema.ts";
import type { BaseRecord } from "./replica-record.ts";
import type { StoreBatch, StoreNews } from "./store.ts";

type RecordBatch = Pick<StoreBatch, "clearRecords" | "putRecords">;

/** How many of the last writes are remembered with the records that they put; a tab that missed more reads everything. */
const REMEMBERED_WRITES = 100;

/** So many that are put at once go into pages: a database is opened several times as fast when its values are few. */
const LEAST_TOGETHER = 50;
const PAGE_RECORDS = 500;
/** More records outside of pages, and outdated ones in them, than this and than a quarter of all are put in order. */
const MOST_LOOSE = 2_000;

/** Every record that was put: of the same one, the last in this order counts. */
export async function readRecords(tx: Transaction<"readonly" | "readwrite">): Promise<readonly BaseRecord[]> {
  const [pages, single] = await Promise.all([tx.objectStore("pages").getAll(), tx.objectStore("records").getAll()]);
  return [...pages.flat(), ...single];
}

/** What the writes after one have put, in the same order. */
export async function readWrittenAfter(
  tx: Transaction<"readonly">,
  seen: number,
): Promise<Pick<StoreNews, "clearRecords" | "records">> {
  const { writes } = await metaOf(tx);
  const missed = await tx.objectStore("writes").getAll(IDBKeyRange.lowerBound(seen, true));
  if (missed.length < writes - seen || missed.some((write) => write.clearRecords)) {
    return { clearRecords: true, records: await readRecords(tx) };
  }
  const ids = new Set(missed.flatMap(({ records }) => records));
  const [pages, single] = await Promise.all([
    tx.objectStore("pages").getAll(IDBKeyRange.lowerBound([seen + 1])),
    Promise.all([...ids].map((id) => tx.objectStore("records").get(id))),
  ]);
  // What is not there was put again since, in a page.
  return { clearRecords: false, records: [...pages.flat(), ...single.filter((record) => record !== undefined)] };
}

/** Puts the records of a write, and remembers what it was. */
export async function writeRecords(tx: Transaction<"readwrite">, number: number, batch: RecordBatch): Promise<void> {
  const { clearRecords, putRecords } = batch;
  const [single, pages, writes] = [tx.objectStore("records"), tx.objectStore("pages"), tx.objectStore("writes")];
  const ids = putRecords.map(({ record }) => record);
  const together = ids.length >= LEAST_TOGETHER;
  if (clearRecords) await Promise.all([single.clear(), pages.clear()]);
  else if (together) await removeSingle(tx, new Set(ids));
  await Promise.all([
    ...(together ? putPages(tx, number, putRecords) : putRecords.map((record) => single.put(record))),
    writes.put({ number, clearRecords, records: together ? [] : ids }),
    writes.delete(number - REMEMBERED_WRITES),
  ]);
}

/** Whether records, as they were read, would be read much faster if they were cleared and put again, each once. */
export async function areLoose(tx: Transaction<"readonly">, records: readonly BaseRecord[]): Promise<boolean> {
  const different = new Set(records.map(({ record }) => record)).size;
  const loose = (await tx.objectStore("records").count()) + records.length - different;
  return loose > Math.max(MOST_LOOSE, different / 4);
}

function putPages(tx: Transaction<"readwrite">, write: number, records: readonly BaseRecord[]): Promise<unknown>[] {
  const puts: Promise<unknown>[] = [];
  for (let from = 0; from < records.length; from += PAGE_RECORDS) {
    const page = records.slice(from, from + PAGE_RECORDS);
    puts.push(tx.objectStore("pages").put(page, [write, from / PAGE_RECORDS]));
  }
  return puts;
}

/** What was put one by one would count before what a page says of the same records. */
async function removeSingle(tx: Transaction<"readwrite">, ids: ReadonlySet<RecordId>): Promise<void> {
  const single = tx.objectStore("records");
  const outdated = (await single.getAllKeys()).filter((id) => ids.has(id));
  await Promise.all(outdated.map((id) => single.delete(id)));
}
