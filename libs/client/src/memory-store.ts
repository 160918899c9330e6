import type { RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { BaseRecord, Edit, ReplicaMeta } from "./replica-record.ts";
import type { Store, StoreBatch, StoredReplica } from "./store.ts";

/** A store that lasts as long as its process: for tests, demos and panels that pull afresh at every start. */
export class MemoryStore implements Store {
  #meta: ReplicaMeta | undefined;
  #records = new Map<RecordId, BaseRecord>();
  readonly #edits = new Map<VersionId, Edit>();

  load(): Promise<StoredReplica> {
    return Promise.resolve({
      meta: this.#meta,
      records: [...this.#records.values()],
      edits: [...this.#edits.values()],
    });
  }

  apply(batch: StoreBatch): Promise<void> {
    if (batch.clearRecords) this.#records = new Map();
    for (const record of batch.putRecords) this.#records.set(record.record, record);
    for (const version of batch.removeEdits) this.#edits.delete(version);
    for (const edit of batch.putEdits) this.#edits.set(edit.version, edit);
    this.#meta = batch.meta ?? this.#meta;
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
