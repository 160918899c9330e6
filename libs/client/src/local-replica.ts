import type { Sha256 } from "@funkygibbon/kernel/content";
import { addToDigest, type Digest, digestTerm, subtractFromDigest } from "@funkygibbon/kernel/digest";
import { type DomainError, failedPrecondition } from "@funkygibbon/kernel/errors";
import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import { digestOf } from "./base-layer.ts";
import { type BaseRecords, BaseTable } from "./base-table.ts";
import { GraphIndex, type SeenRecords } from "./graph-index.ts";
import { Listeners } from "./listeners.ts";
import {
  type BaseRecord,
  bySequence,
  type Edit,
  freshMeta,
  isPending,
  isVisible,
  type ReplicaMeta,
} from "./replica-record.ts";
import { type ReplicaSnapshot, ReplicaTransaction, type Visible } from "./replica-transaction.ts";
import type { Store, StoreBatch, StoreNews } from "./store.ts";

/** Which records look different now, and whether this device did it. */
export interface ReplicaChange {
  readonly records: ReadonlySet<RecordId>;
  /** `local`: an edit by this client. `remote`: pulled, answered, a second replica, or an edit by another tab. */
  readonly origin: "local" | "remote";
}

/** A transaction of which everything is durable. */
interface DurableStep extends Pick<StoreBatch, "clearRecords" | "putRecords">, Pick<ReplicaChange, "origin"> {
  readonly tx: ReplicaTransaction;
  readonly views: readonly RecordViews[];
}

/** What was seen of a record before a transaction, and what is seen after it. */
interface RecordViews {
  readonly record: RecordId;
  readonly before: Visible | undefined;
  readonly now: Visible | undefined;
}

/**
 * The replica in memory: base, edits over it, what is seen through both, and the digest of the base. Every change goes
 * through {@link transact}, one at a time: first durable, then visible.
 */
export class LocalReplica implements SeenRecords {
  readonly #store: Store;
  readonly #sha256: Sha256;
  #meta: ReplicaMeta;
  #base = new BaseTable();
  readonly #editsByRecord = new Map<RecordId, readonly Edit[]>();
  /** By sequence, once a transaction has been adopted. */
  #pending = new Map<VersionId, Edit>();
  /** Above all that ever was pending: what comes above it keeps the order by itself. */
  #newestPending = 0;
  #pendingDisordered = false;
  /** Undefined until somebody asks: a large home is open before its digest is summed up. */
  #digest: Digest | undefined;
  readonly #counts = { answered: 0, dead: 0 };
  #queue: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  readonly #listeners = new Listeners<ReplicaChange>();
  /** What is seen, by type and by end. */
  readonly index = new GraphIndex(this);

  private constructor(store: Store, meta: ReplicaMeta, sha256: Sha256) {
    this.#store = store;
    this.#meta = meta;
    this.#sha256 = sha256;
  }

  /** Reads the store. A new store belongs to `deviceId`; one that was used before keeps the id it has. */
  static async open(options: { store: Store; deviceId: DeviceId; sha256: Sha256 }): Promise<LocalReplica> {
    const stored = await options.store.load();
    const replica = new LocalReplica(options.store, stored.meta ?? freshMeta(options.deviceId), options.sha256);
    replica.#base = new BaseTable(stored.records);
    replica.index.load("read" in stored.records ? stored.records : replica.#base.values());
    const edits = [...stored.edits].sort(bySequence);
    for (const edit of edits) {
      replica.#adoptEdits(edit.record, [...(replica.#editsByRecord.get(edit.record) ?? []), edit]);
    }
    for (const id of replica.#editsByRecord.keys()) replica.index.change(replica.base(id), replica.visible(id));
    // Those who share a new store become the device of whoever is first.
    if (stored.meta === undefined && options.store.shared !== undefined) {
      await replica.transact("local", (tx) => tx.setMeta({}));
    }
    return replica;
  }

  get meta(): ReplicaMeta {
    return this.#meta;
  }

  /** Sum over the live heads of the base (docs/protocol.md, section 6); edits do not count. */
  get digest(): Digest {
    this.#digest ??= digestOf(this.#base.values(), this.#sha256);
    return this.#digest;
  }

  /** How many edits are to be pushed. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** The newest seq of the base; 0: it is empty. */
  get newestSeq(): number {
    return this.#base.newestSeq;
  }

  /** The pulled head of a record, tombstones included. */
  base(record: RecordId): BaseRecord | undefined {
    return this.#base.get(record);
  }

  /** Every pulled head, tombstones included. */
  baseRecords(): BaseRecords {
    return this.#base;
  }

  /** How many edits are answered but not held by the base, and how many are dead. */
  get editCounts(): { readonly answered: number; readonly dead: number } {
    return this.#counts;
  }

  /** The edits that are to be pushed, by sequence. */
  pendingEdits(): Iterable<Edit> {
    return this.#pending.values();
  }

  /** Every edit that the device still keeps, dead ones included. */
  *edits(): Iterable<Edit> {
    for (const edits of this.#editsByRecord.values()) yield* edits;
  }

  /** What of a record is seen, tombstones included. */
  visible(record: RecordId): Visible | undefined {
    return this.#editsByRecord.get(record)?.findLast(isVisible) ?? this.#base.get(record);
  }

  glance(record: RecordId): Visible | undefined {
    return this.#editsByRecord.get(record)?.findLast(isVisible) ?? this.#base.glance(record);
  }

  /** Calls `listener` after each change, once it is durable, until the returned function is called. */
  subscribe(listener: (change: ReplicaChange) => void): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Runs `work` alone on the present state, makes what it did durable, and only then lets anybody see it. When `work`
   * throws or the store fails, nothing has happened.
   * @throws DomainError with reason CLIENT_CLOSED.
   */
  transact<T>(origin: ReplicaChange["origin"], work: (tx: ReplicaTransaction) => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(clientClosed());
    const turn = this.#queue.then(() =>
      this.#inTurn(async () => {
        const tx = new ReplicaTransaction(this.#snapshot());
        const result = work(tx);
        const batch = tx.batch();
        if (batch === undefined) return result;
        // Reads what was not read before, so that a record which turns out to be damaged stops all of it.
        const views = viewsOf(tx);
        await this.#store.apply(batch);
        this.#adopt({ tx, views, ...batch, origin });
        return result;
      }),
    );
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /** Takes no more transactions. Resolves when those that have begun, or wait for their turn, are over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queue;
  }

  /** Takes over what other replicas have written to a shared store. */
  catchUp(): Promise<void> {
    return this.transact("remote", () => undefined);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { shared } = this.#store;
    if (shared === undefined) return work();
    return shared.takeTurn((news) => {
      if (news !== undefined) this.#adoptNews(news);
      return work();
    });
  }

  #adoptNews(news: StoreNews): void {
    const tx = new ReplicaTransaction(this.#snapshot());
    tx.setMeta(news.meta);
    if (news.clearRecords) tx.replaceBase(new Map(news.records.map((record) => [record.record, record])));
    else for (const record of news.records) tx.putBase(record);
    const kept = new Set(news.edits.map(({ version }) => version));
    for (const edit of [...tx.allEdits()]) if (!kept.has(edit.version)) tx.removeEdit(edit);
    for (const edit of news.edits) tx.putEdit(edit);
    this.#adopt({ tx, views: viewsOf(tx), ...news, putRecords: news.records, origin: "remote" });
  }

  #snapshot(): ReplicaSnapshot {
    return { meta: this.#meta, base: this.#base, editsByRecord: this.#editsByRecord, pending: this.#pending };
  }

  #adopt({ tx, views, clearRecords, putRecords, origin }: DurableStep): void {
    this.#meta = tx.meta;
    if (clearRecords) {
      this.#base = new BaseTable();
      this.#digest = undefined;
    }
    for (const record of putRecords) this.#setBase(record);
    for (const [record, edits] of tx.changedEdits()) this.#adoptEdits(record, edits);
    this.#orderPending();
    const changed = new Set<RecordId>();
    for (const { record, before, now } of views) if (this.index.change(before, now)) changed.add(record);
    this.#listeners.tell({ records: changed, origin });
  }

  #adoptEdits(record: RecordId, edits: readonly Edit[]): void {
    const before = this.#editsByRecord.get(record) ?? [];
    for (const edit of before) this.#count(edit, -1);
    for (const edit of edits) this.#count(edit, 1);
    for (const edit of before) {
      if (!edits.some((kept) => kept.version === edit.version && isPending(kept))) this.#pending.delete(edit.version);
    }
    for (const edit of edits) if (isPending(edit)) this.#addPending(edit);
    if (edits.length === 0) this.#editsByRecord.delete(record);
    else this.#editsByRecord.set(record, edits);
  }

  #addPending(edit: Edit): void {
    if (edit.sequence > this.#newestPending) this.#newestPending = edit.sequence;
    else if (!this.#pending.has(edit.version)) this.#pendingDisordered = true;
    this.#pending.set(edit.version, edit);
  }

  #orderPending(): void {
    if (!this.#pendingDisordered) return;
    this.#pendingDisordered = false;
    this.#pending = new Map([...this.#pending].sort(([, a], [, b]) => bySequence(a, b)));
  }

  #count(edit: Edit, by: 1 | -1): void {
    if (edit.state.kind === "answered") this.#counts.answered += by;
    if (edit.state.kind === "dead") this.#counts.dead += by;
  }

  #setBase(record: BaseRecord): void {
    if (this.#digest !== undefined) {
      const before = this.#base.get(record.record);
      if (before !== undefined) this.#digest = subtractFromDigest(this.#digest, this.#termOf(before));
      this.#digest = addToDigest(this.#digest, this.#termOf(record));
    }
    this.#base.set(record);
  }

  #termOf({ record, version, deleted }: BaseRecord): Digest {
    return deleted ? 0n : digestTerm(record, version, this.#sha256);
  }
}

/** What nobody may ask of a client any more. */
export function clientClosed(): DomainError {
  return failedPrecondition("CLIENT_CLOSED", "the client was closed");
}

function viewsOf(tx: ReplicaTransaction): RecordViews[] {
  return Array.from(tx.touched(), (record) => ({
    record,
    before: tx.visibleBefore(record),
    now: tx.visible(record),
  }));
}
