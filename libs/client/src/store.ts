import type { VersionId } from "@funkygibbon/kernel/version";
import type { IdList } from "./id-list.ts";
import type { BaseRecord, Edit, ReplicaMeta } from "./replica-record.ts";
import type { StoredGraph } from "./stored-graph.ts";

/** Everything that a store holds of one device. */
export interface StoredReplica {
  /** Undefined: the store is new. */
  readonly meta: ReplicaMeta | undefined;
  /** Of the same record, the last one counts. */
  readonly records: Iterable<BaseRecord> | UnreadRecords;
  readonly edits: Iterable<Edit>;
}

/** Records in the form in which their store has them, by place from 0, each id once: made when they are asked for. */
export interface UnreadRecords extends Iterable<BaseRecord> {
  readonly ids: IdList;
  readonly graph: StoredGraph;
  /** 0: there are none. */
  readonly newestSeq: number;
  /** @throws DomainError with reason STORE_CORRUPT when it was damaged. */
  read(place: number): BaseRecord;
}

/** Changes that a store makes durable all together or not at all. */
export interface StoreBatch {
  readonly meta: ReplicaMeta | undefined;
  /** Forget the whole base before `putRecords`: a second replica takes the place of the first. */
  readonly clearRecords: boolean;
  readonly putRecords: readonly BaseRecord[];
  /** By version; an edit of the same version is replaced. */
  readonly putEdits: readonly Edit[];
  readonly removeEdits: readonly VersionId[];
}

/**
 * Where a replica lives between runs. The client keeps what it needs in memory and writes through: `apply` is called
 * by one caller at a time and is one transaction, so that a device killed at any instruction finds either all of a
 * batch or nothing of it (docs/protocol.md, I10).
 */
export interface Store extends AsyncDisposable {
  /** Reads everything; called once, before any `apply`. */
  load(): Promise<StoredReplica>;
  /** Makes the batch durable. When it fails, nothing of it may be found later. */
  apply(batch: StoreBatch): Promise<void>;
  /** Set when other replicas of the same device may have the store open as well: the tabs of a browser. */
  readonly shared?: SharedStore;
}

/** What others have written to a shared store since this replica looked last. */
export interface StoreNews {
  readonly meta: ReplicaMeta;
  /** Forget the whole base before `records`. */
  readonly clearRecords: boolean;
  /** Of the same record, the last one counts. */
  readonly records: readonly BaseRecord[];
  /** All there are now. */
  readonly edits: readonly Edit[];
}

/**
 * How replicas that share a store get along. Each may write, one at a time and on top of what the others wrote; one of
 * them at a time syncs for all, and tells the others how that goes.
 */
export interface SharedStore {
  /** Runs `work`, which may `apply`, while nobody else does, with what has been written meanwhile. */
  takeTurn<T>(work: (news: StoreNews | undefined) => Promise<T>): Promise<T>;
  /** Runs `work` once nobody else runs theirs. @throws the signal's reason when it is aborted before that. */
  takeLead(work: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Says something, as structured clone takes it, to the others. */
  tell(message: unknown): void;
  /** Calls `listener` with what others tell. */
  listen(listener: (message: unknown) => void): void;
  /** Calls `listener` after others have written. */
  onWritten(listener: () => void): void;
}
