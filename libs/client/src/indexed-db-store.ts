import type { RecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import { errorOfIndexedDb } from "./indexed-db-error.ts";
import type { BaseRecord, Edit, ReplicaMeta } from "./replica-record.ts";
import type { SharedStore, Store, StoreBatch, StoredReplica, StoreNews } from "./store.ts";
import { storeUnusable } from "./store-error.ts";
import { TabChannel } from "./tab-channel.ts";

/** Raised with every change of the object stores, together with a step in `upgrade` that brings older ones along. */
const FORMAT = 1;
/** How many of the last writes are remembered with the records that they put; a tab that missed more reads everything. */
const REMEMBERED_WRITES = 100;

/** What the store knows of the device, and how often it was written to. */
interface StoredMeta {
  readonly meta: ReplicaMeta | undefined;
  readonly writes: number;
}

/** What one write has put, so that other tabs can read just that. */
interface RememberedWrite {
  readonly number: number;
  readonly clearRecords: boolean;
  readonly records: readonly RecordId[];
}

interface Schema extends DBSchema {
  /** One value, of the key `device`. */
  meta: { key: "device"; value: StoredMeta };
  records: { key: RecordId; value: BaseRecord };
  edits: { key: string; value: Edit };
  writes: { key: number; value: RememberedWrite };
}

type Transaction<Mode extends IDBTransactionMode> = IDBPTransaction<Schema, (keyof SchemaStores)[], Mode>;
type SchemaStores = Pick<Schema, "meta" | "records" | "edits" | "writes">;
const STORES: (keyof SchemaStores)[] = ["meta", "records", "edits", "writes"];

/**
 * A replica in a browser's IndexedDB, shared by all tabs of an origin that open the same name: together they are one
 * device. Web Locks give the turns and the lead, and go with a tab, however it ends; a BroadcastChannel only wakes the
 * others, who then read what is new. Every batch is one strict transaction: on the disk before it counts.
 */
export class IndexedDbStore implements Store {
  readonly #name: string;
  readonly #database: IDBPDatabase<Schema>;
  readonly #channel: TabChannel;
  /** The number of the last write that this tab's replica knows. */
  #seenWrites = 0;
  readonly shared: SharedStore;

  private constructor(name: string, database: IDBPDatabase<Schema>) {
    this.#name = name;
    this.#database = database;
    const channel = new TabChannel(`funkygibbon ${name}`);
    this.#channel = channel;
    this.shared = {
      takeTurn: (work) => channel.alone("turn", async () => work(await this.#news())),
      takeLead: (work, signal) => channel.alone("lead", work, signal),
      tell: (message) => channel.tell(message),
      listen: (listener) => channel.listen(listener),
      onWritten: (listener) => channel.onWritten(listener),
    };
  }

  /**
   * Opens the database, which is made when there is none.
   * @throws DomainError with reason STORE_UNUSABLE, STORE_TOO_NEW or STORE_FULL.
   */
  static async open(name: string): Promise<IndexedDbStore> {
    if (globalThis.navigator?.locks === undefined) {
      throw storeUnusable(name, "the page is served neither by https nor by localhost, so there are no Web Locks");
    }
    try {
      const database = await openDB<Schema>(name, FORMAT, {
        upgrade(fresh) {
          fresh.createObjectStore("meta");
          fresh.createObjectStore("records", { keyPath: "record" });
          fresh.createObjectStore("edits", { keyPath: "version" });
          fresh.createObjectStore("writes", { keyPath: "number" });
        },
        // A page of a newer release waits until this one lets go.
        blocking: () => database.close(),
      });
      return new IndexedDbStore(name, database);
    } catch (error) {
      throw errorOfIndexedDb(name, error, FORMAT);
    }
  }

  load(): Promise<StoredReplica> {
    return this.#within("readonly", async (tx) => {
      const { meta, writes } = await metaOf(tx);
      const [records, edits] = await Promise.all([
        tx.objectStore("records").getAll(),
        tx.objectStore("edits").getAll(),
      ]);
      this.#seenWrites = writes;
      return { meta, records, edits };
    });
  }

  async apply(batch: StoreBatch): Promise<void> {
    const { clearRecords, putRecords, putEdits, removeEdits } = batch;
    this.#seenWrites = await this.#within("readwrite", async (tx) => {
      const before = await metaOf(tx);
      const number = before.writes + 1;
      const [records, edits, writes] = [tx.objectStore("records"), tx.objectStore("edits"), tx.objectStore("writes")];
      await Promise.all([
        clearRecords ? records.clear() : undefined,
        ...putRecords.map((record) => records.put(record)),
        ...removeEdits.map((version) => edits.delete(version)),
        ...putEdits.map((edit) => edits.put(edit)),
        writes.put({ number, clearRecords, records: clearRecords ? [] : putRecords.map(({ record }) => record) }),
        writes.delete(number - REMEMBERED_WRITES),
        tx.objectStore("meta").put({ meta: batch.meta ?? before.meta, writes: number }, "device"),
      ]);
      return number;
    });
    this.#channel.written();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close();
    this.#database.close();
  }

  /** What other tabs have written since this one looked last; undefined: nothing. */
  #news(): Promise<StoreNews | undefined> {
    return this.#within("readonly", async (tx) => {
      const { meta, writes } = await metaOf(tx);
      if (writes === this.#seenWrites) return undefined;
      const missed = await tx.objectStore("writes").getAll(IDBKeyRange.lowerBound(this.#seenWrites, true));
      const clearRecords = missed.length < writes - this.#seenWrites || missed.some((write) => write.clearRecords);
      const ids = new Set(missed.flatMap(({ records }) => records));
      const store = tx.objectStore("records");
      const records = clearRecords
        ? await store.getAll()
        : await Promise.all(
            [...ids].map(async (id) => must(await store.get(id), "records are only cleared all at once")),
          );
      const edits = await tx.objectStore("edits").getAll();
      this.#seenWrites = writes;
      return { meta: must(meta, "whoever writes knows the device"), clearRecords, records, edits };
    });
  }

  async #within<Mode extends "readonly" | "readwrite", T>(
    mode: Mode,
    work: (tx: Transaction<Mode>) => Promise<T>,
  ): Promise<T> {
    let tx: Transaction<Mode> | undefined;
    try {
      tx = this.#database.transaction(STORES, mode, { durability: "strict" });
      const [result] = await Promise.all([work(tx), tx.done]);
      return result;
    } catch (error) {
      // When one request fails, the others only tell that the transaction was aborted.
      const cause = tx?.error ?? error;
      abort(tx);
      throw errorOfIndexedDb(this.#name, cause, FORMAT);
    }
  }
}

async function metaOf(tx: Transaction<"readonly" | "readwrite">): Promise<StoredMeta> {
  return (await tx.objectStore("meta").get("device")) ?? { meta: undefined, writes: 0 };
}

/** Nothing of it is kept: without this, what was put before something that cannot be put would be. */
function abort(tx: Pick<IDBTransaction, "abort"> | undefined): void {
  try {
    tx?.abort();
  } catch {
    // It has ended already.
  }
}
