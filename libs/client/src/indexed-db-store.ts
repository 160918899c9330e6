import { must } from "@funkygibbon/kernel/must";
import { errorOfIndexedDb } from "./indexed-db-error.ts";
import { type Database, FORMAT, metaOf, openDatabase, STORES, type Transaction } from "./indexed-db-schema.ts";
import { areLoose, readRecords, readWrittenAfter, writeRecords } from "./record-pages.ts";
import type { SharedStore, Store, StoreBatch, StoredReplica, StoreNews } from "./store.ts";
import { storeUnusable } from "./store-error.ts";
import { TabChannel } from "./tab-channel.ts";

/**
 * A replica in a browser's IndexedDB, shared by all tabs of an origin that open the same name: together they are one
 * device. Web Locks give the turns and the lead, and go with a tab, however it ends; a BroadcastChannel only wakes the
 * others, who then read what is new. Every batch is one strict transaction: on the disk before it counts.
 */
export class IndexedDbStore implements Store {
  readonly #name: string;
  readonly #database: Database;
  readonly #channel: TabChannel;
  /** The number of the last write that this tab's replica knows. */
  #seenWrites = 0;
  readonly shared: SharedStore;

  private constructor(name: string, database: Database) {
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
   * @throws DomainError with reason STORE_UNUSABLE, STORE_CORRUPT, STORE_TOO_NEW or STORE_FULL.
   */
  static async open(name: string): Promise<IndexedDbStore> {
    if (globalThis.navigator?.locks === undefined) {
      throw storeUnusable(name, "the page is served neither by https nor by localhost, so there are no Web Locks");
    }
    try {
      const database = await openDatabase(name);
      return new IndexedDbStore(name, database);
    } catch (error) {
      throw errorOfIndexedDb(name, error, FORMAT);
    }
  }

  async load(): Promise<StoredReplica> {
    const { writes, loose, ...stored } = await this.#within("readonly", async (tx) => {
      const { meta, writes } = await metaOf(tx);
      const [records, edits] = await Promise.all([readRecords(tx), tx.objectStore("edits").getAll()]);
      return { meta, records, edits, writes, loose: await areLoose(tx, records) };
    });
    this.#seenWrites = writes;
    // For whoever opens it next, so nobody waits for it; without room for it all stays as it is.
    if (loose) this.#tidy().catch(() => undefined);
    return stored;
  }

  async apply(batch: StoreBatch): Promise<void> {
    this.#seenWrites = await this.#within("readwrite", async (tx) => {
      const before = await metaOf(tx);
      const writes = before.writes + 1;
      const edits = tx.objectStore("edits");
      await Promise.all([
        writeRecords(tx, writes, batch),
        ...batch.removeEdits.map((version) => edits.delete(version)),
        ...batch.putEdits.map((edit) => edits.put(edit)),
        tx.objectStore("meta").put({ meta: batch.meta ?? before.meta, writes }, "device"),
      ]);
      return writes;
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
      const [news, edits] = await Promise.all([
        readWrittenAfter(tx, this.#seenWrites),
        tx.objectStore("edits").getAll(),
      ]);
      this.#seenWrites = writes;
      return { ...news, meta: must(meta, "whoever writes knows the device"), edits };
    });
  }

  /** Puts the records anew, each once and all in pages. Nothing else changes; other tabs read it all when they look next. */
  async #tidy(): Promise<void> {
    const seen = await this.#within("readwrite", async (tx) => {
      const { meta, writes } = await metaOf(tx);
      const records = new Map((await readRecords(tx)).map((record) => [record.record, record]));
      await writeRecords(tx, writes + 1, { clearRecords: true, putRecords: [...records.values()] });
      await tx.objectStore("meta").put({ meta, writes: writes + 1 }, "device");
      return writes;
    });
    if (this.#seenWrites === seen) this.#seenWrites += 1;
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

/** Nothing of it is kept: without this, what was put before something that cannot be put would be. */
function abort(tx: Pick<IDBTransaction, "abort"> | undefined): void {
  try {
    tx?.abort();
  } catch {
    // It has ended already.
  }
}
