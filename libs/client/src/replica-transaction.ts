import type { RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { BaseRecords } from "./base-table.ts";
import { endsOf } from "./edit-queue.ts";
import { type BaseRecord, bySequence, type Edit, isPending, isVisible, type ReplicaMeta } from "./replica-record.ts";
import type { StoreBatch } from "./store.ts";

/** What a transaction reads from: the state before it. */
export interface ReplicaSnapshot {
  readonly meta: ReplicaMeta;
  readonly base: BaseRecords;
  /** The edits of a record by sequence. */
  readonly editsByRecord: ReadonlyMap<RecordId, readonly Edit[]>;
  /** The edits that are to be pushed, by sequence. */
  readonly pending: ReadonlyMap<VersionId, Edit>;
}

/** What of one record is seen: the newest edit, or the base. */
export type Visible = BaseRecord | Edit;

/** Reads and writes of one transaction, on top of a snapshot that does not move meanwhile. Nothing in it waits. */
export class ReplicaTransaction {
  readonly #before: ReplicaSnapshot;
  #meta: ReplicaMeta;
  #newBase: BaseRecords | undefined;
  readonly #records = new Map<RecordId, BaseRecord>();
  readonly #editsByRecord = new Map<RecordId, readonly Edit[]>();
  readonly #putEdits = new Map<VersionId, Edit>();
  readonly #removedEdits = new Set<VersionId>();
  /** How many edits that are to be pushed lead an edge to a record; counted when somebody asks. */
  #pendingEnds: Map<RecordId, number> | undefined;

  constructor(before: ReplicaSnapshot) {
    this.#before = before;
    this.#meta = before.meta;
  }

  get meta(): ReplicaMeta {
    return this.#meta;
  }

  /** Changes what is named. */
  setMeta(patch: Partial<ReplicaMeta>): void {
    this.#meta = { ...this.#meta, ...patch };
  }

  /** The pulled head of a record, tombstones included. */
  base(record: RecordId): BaseRecord | undefined {
    return this.#records.get(record) ?? (this.#newBase ?? this.#before.base).get(record);
  }

  putBase(record: BaseRecord): void {
    this.#records.set(record.record, record);
  }

  /** A second replica takes the place of the first. */
  replaceBase(records: BaseRecords): void {
    this.#newBase = records;
    this.#records.clear();
  }

  /** The edits of a record by sequence, dead ones included. */
  editsOf(record: RecordId): readonly Edit[] {
    return this.#editsByRecord.get(record) ?? this.#before.editsByRecord.get(record) ?? [];
  }

  /** The newest edit that lies over the base. */
  topEdit(record: RecordId): Edit | undefined {
    return this.editsOf(record).findLast(isVisible);
  }

  /** What of a record is seen, tombstones included. */
  visible(record: RecordId): Visible | undefined {
    return this.topEdit(record) ?? this.base(record);
  }

  /** What of a record was seen before this transaction, tombstones included. */
  visibleBefore(record: RecordId): Visible | undefined {
    return this.#before.editsByRecord.get(record)?.findLast(isVisible) ?? this.#before.base.get(record);
  }

  /** All edits by record, in no particular order of records. */
  *allEdits(): Iterable<Edit> {
    for (const [record, edits] of this.#before.editsByRecord) {
      if (!this.#editsByRecord.has(record)) yield* edits;
    }
    for (const edits of this.#editsByRecord.values()) yield* edits;
  }

  /** The edits that are to be pushed, by sequence. */
  *pendingEdits(): Iterable<Edit> {
    // Mostly new ones, above all others; those that an answer had taken out of the line belong between the others.
    const joined = [...this.#putEdits.values()]
      .filter((edit) => isPending(edit) && !this.#before.pending.has(edit.version))
      .sort(bySequence);
    let next = 0;
    for (const [version, edit] of this.#before.pending) {
      for (let one = joined[next]; one !== undefined && one.sequence < edit.sequence; one = joined[++next]) yield one;
      if (this.#removedEdits.has(version)) continue;
      const now = this.#putEdits.get(version) ?? edit;
      if (isPending(now)) yield now;
    }
    yield* joined.slice(next);
  }

  /** Whether an edge that is to be pushed ends at the record, which then has to exist for others, if only as a tombstone. */
  isPendingEnd(record: RecordId): boolean {
    if (this.#pendingEnds === undefined) {
      this.#pendingEnds = new Map();
      for (const edit of this.pendingEdits()) this.#countEnds(edit, 1);
    }
    return (this.#pendingEnds.get(record) ?? 0) > 0;
  }

  /** Adds an edit, or replaces the one of the same version. New ones come in the order of their sequence. */
  putEdit(edit: Edit): void {
    const edits = [...this.#withoutEdit(edit), edit].sort(bySequence);
    this.#countEnds(edit, 1);
    this.#editsByRecord.set(edit.record, edits);
    this.#putEdits.set(edit.version, edit);
    this.#removedEdits.delete(edit.version);
  }

  removeEdit(edit: Edit): void {
    this.#editsByRecord.set(edit.record, this.#withoutEdit(edit));
    this.#putEdits.delete(edit.version);
    this.#removedEdits.add(edit.version);
  }

  /** Records of which another version may be seen afterwards. */
  touched(): Iterable<RecordId> {
    const ids = new Set<RecordId>([...this.#records.keys(), ...this.#editsByRecord.keys()]);
    if (this.#newBase !== undefined) {
      for (const id of this.#before.base.keys()) ids.add(id);
      for (const id of this.#newBase.keys()) ids.add(id);
    }
    return ids;
  }

  /** What the store has to make durable; undefined: nothing has changed. */
  batch(): StoreBatch | undefined {
    const unchanged =
      this.#meta === this.#before.meta &&
      this.#newBase === undefined &&
      this.#records.size === 0 &&
      this.#putEdits.size === 0 &&
      this.#removedEdits.size === 0;
    if (unchanged) return undefined;
    return {
      meta: this.#meta === this.#before.meta ? undefined : this.#meta,
      clearRecords: this.#newBase !== undefined,
      putRecords: [...(this.#newBase?.values() ?? []), ...this.#records.values()],
      putEdits: [...this.#putEdits.values()],
      removeEdits: [...this.#removedEdits],
    };
  }

  /** The other edits of its record. */
  #withoutEdit({ record, version }: Edit): readonly Edit[] {
    return this.editsOf(record).filter((other) => {
      if (other.version !== version) return true;
      this.#countEnds(other, -1);
      return false;
    });
  }

  #countEnds(edit: Edit, by: 1 | -1): void {
    if (this.#pendingEnds === undefined || !isPending(edit)) return;
    for (const end of endsOf(edit.content)) this.#pendingEnds.set(end, (this.#pendingEnds.get(end) ?? 0) + by);
  }

  /** The edits of records that this transaction changed. */
  changedEdits(): ReadonlyMap<RecordId, readonly Edit[]> {
    return this.#editsByRecord;
  }
}
