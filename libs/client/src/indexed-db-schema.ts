import type { DomainError } from "@funkygibbon/kernel/errors";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import type { BaseRecord, Edit, ReplicaMeta } from "./replica-record.ts";
import { storeCorrupt } from "./store-error.ts";

/** Raised with every change of the object stores, together with a step in {@link openDatabase} that brings older ones along. */
export const FORMAT = 2;

/** What the store knows of the device, and how often it was written to. */
export interface StoredMeta {
  readonly meta: ReplicaMeta | undefined;
  readonly writes: number;
}

/** What one write has put, so that other tabs can read just that. */
interface RememberedWrite {
  readonly number: number;
  readonly clearRecords: boolean;
  /** Those that it put one by one; its pages have its number. */
  readonly records: readonly RecordId[];
}

/** The number of the write that put a page, and which of its pages it is. */
type PageKey = [write: number, place: number];

interface Schema extends DBSchema {
  /** One value, of the key `device`. */
  meta: { key: "device"; value: StoredMeta };
  /** Those that were put one by one, since the pages in which they were before. */
  records: { key: RecordId; value: BaseRecord };
  /** Those that were put many at once; a later page takes the place of an earlier one, record by record. */
  pages: { key: PageKey; value: readonly BaseRecord[] };
  edits: { key: string; value: Edit };
  writes: { key: number; value: RememberedWrite };
}

type SchemaStores = Pick<Schema, "meta" | "records" | "pages" | "edits" | "writes">;
/** The replica's database. */
export type Database = IDBPDatabase<Schema>;
/** A transaction over all of it. */
export type Transaction<Mode extends IDBTransactionMode> = IDBPTransaction<Schema, (keyof SchemaStores)[], Mode>;

/** All there are. */
export const STORES: (keyof SchemaStores)[] = ["meta", "records", "pages", "edits", "writes"];
/** Those that every format has. */
const FIRST_STORES = ["meta", "records", "edits", "writes"] as const;

/**
 * Opens the database, which is made when there is none and brought along when an older release has made it.
 * @throws DomainError with reason STORE_CORRUPT when it is another program's, which is left as it is, and what IndexedDB does.
 */
export async function openDatabase(name: string): Promise<Database> {
  let isOurs = true;
  const opening: Promise<Database> = openDB<Schema>(name, FORMAT, {
    upgrade(older, format, _, tx) {
      isOurs = format < 1 || hasStores(older, FIRST_STORES);
      if (!isOurs) {
        tx.done.catch(() => undefined);
        tx.abort();
        return;
      }
      if (format < 1) {
        older.createObjectStore("meta");
        older.createObjectStore("records", { keyPath: "record" });
        older.createObjectStore("edits", { keyPath: "version" });
        older.createObjectStore("writes", { keyPath: "number" });
      }
      // Until then all were put one by one.
      if (format < 2) older.createObjectStore("pages");
    },
    // A page of a newer release waits until this one lets go.
    blocking: () => database.close(),
  });
  const database = await opening.catch((error: unknown) => {
    throw isOurs ? error : foreign(name);
  });
  if (hasStores(database, STORES)) return database;
  database.close();
  throw foreign(name);
}

function hasStores(database: Database, names: readonly (keyof SchemaStores)[]): boolean {
  return names.every((store) => database.objectStoreNames.contains(store));
}

function foreign(name: string): DomainError {
  return storeCorrupt(name, "it is a database of another program");
}

/** What the store knows of the device. */
export async function metaOf(tx: Transaction<"readonly" | "readwrite">): Promise<StoredMeta> {
  return (await tx.objectStore("meta").get("device")) ?? { meta: undefined, writes: 0 };
}
