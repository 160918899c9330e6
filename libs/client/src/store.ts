import type { VersionId } from "@funkygibbon/kernel/version";
import type { BaseRecord, Edit, ReplicaMeta } from "./replica-record.ts";

/** Everything that a store holds of one device. */
export interface StoredReplica {
  /** Undefined: the store is new. */
  readonly meta: ReplicaMeta | undefined;
  readonly records: Iterable<BaseRecord>;
  readonly edits: Iterable<Edit>;
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
}
