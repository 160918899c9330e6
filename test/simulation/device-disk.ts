import type { RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import { type BaseRecord, type Edit, isPending, type ReplicaMeta } from "../../libs/client/src/replica-record.ts";
import type { StoreBatch, StoredReplica } from "../../libs/client/src/store.ts";

/** What became of an edit that left the disk under its version. */
export type Fate =
  /** It lives on in another edit: squashed before it was ever sent, or relabelled. */
  | { readonly kind: "became"; readonly version: VersionId }
  /** Created and deleted before anybody heard of it. */
  | { readonly kind: "withdrawn" }
  /** Answered, and the base has caught up. */
  | { readonly kind: "held" };

/**
 * What a device keeps when it dies, and the witness of what was written there: whether a page is applied twice, whether an
 * edit that was sent is changed or lost before it is answered.
 */
export class DeviceDisk {
  #meta: ReplicaMeta | undefined;
  readonly #records: Map<RecordId, BaseRecord>;
  readonly #edits: Map<VersionId, Edit>;
  readonly #fates: Map<VersionId, Fate>;
  readonly problems: string[] = [];

  /** @param copied default an empty disk. */
  constructor(copied?: DeviceDisk) {
    this.#meta = copied === undefined ? undefined : copied.#meta;
    this.#records = new Map(copied === undefined ? [] : copied.#records);
    this.#edits = new Map(copied === undefined ? [] : copied.#edits);
    this.#fates = new Map(copied === undefined ? [] : copied.#fates);
  }

  get meta(): ReplicaMeta | undefined {
    return this.#meta;
  }

  get records(): ReadonlyMap<RecordId, BaseRecord> {
    return this.#records;
  }

  get edits(): ReadonlyMap<VersionId, Edit> {
    return this.#edits;
  }

  get hasPendingEdits(): boolean {
    return [...this.#edits.values()].some(isPending);
  }

  /** A disk with the same content, for a clone or for a backup of the device. */
  copy(): DeviceDisk {
    return new DeviceDisk(this);
  }

  load(): StoredReplica {
    return { meta: this.#meta, records: [...this.#records.values()], edits: [...this.#edits.values()] };
  }

  apply(batch: StoreBatch): void {
    if (batch.clearRecords) this.#records.clear();
    for (const record of batch.putRecords) {
      const before = this.#records.get(record.record);
      if (!batch.clearRecords && before !== undefined && record.seq <= before.seq) {
        this.problems.push(`I10: ${record.record} at seq ${record.seq} was applied over seq ${before.seq}`);
      }
      this.#records.set(record.record, record);
    }
    for (const version of batch.removeEdits) this.#judgeRemoval(version, batch);
    for (const version of batch.removeEdits) this.#edits.delete(version);
    for (const edit of batch.putEdits) this.#put(edit);
    this.#meta = batch.meta ?? this.#meta;
  }

  /** Under which version an edit is known now, and how it stands. */
  follow(version: VersionId): {
    readonly version: VersionId;
    readonly fate: "withdrawn" | "held" | "kept" | "unknown";
  } {
    let now = version;
    for (let fate = this.#fates.get(now); fate !== undefined; fate = this.#fates.get(now)) {
      if (fate.kind !== "became") return { version: now, fate: fate.kind };
      now = fate.version;
    }
    return { version: now, fate: this.#edits.has(now) ? "kept" : "unknown" };
  }

  #put(edit: Edit): void {
    const before = this.#edits.get(edit.version);
    if (before !== undefined && before.state.kind !== "unsent" && !saysTheSame(before, edit)) {
      this.problems.push(`I3: ${edit.version} was sent and then changed`);
    }
    this.#edits.set(edit.version, edit);
  }

  #judgeRemoval(version: VersionId, batch: StoreBatch): void {
    const before = this.#edits.get(version);
    if (before === undefined) return;
    const { kind } = before.state;
    const successors = batch.putEdits.filter(
      (edit) => edit.record === before.record && edit.state.kind !== "dead" && !this.#edits.has(edit.version),
    );
    const relabelled = successors.find((edit) => edit.claimedUs === before.claimedUs && sameContent(edit, before));
    const successor = relabelled ?? (kind === "unsent" ? successors.at(-1) : undefined);
    // Answered and held at once it leaves the disk as it was sent; whether it is in the log is seen in the end.
    const mayBeHeld = kind === "answered" || ((kind === "sent" || kind === "deferred") && successors.length === 0);
    if (kind !== "answered" && successor !== undefined) {
      this.#fates.set(version, { kind: "became", version: successor.version });
    } else if (mayBeHeld) this.#fates.set(version, { kind: "held" });
    else if (kind === "unsent" && before.parents.length === 0) this.#fates.set(version, { kind: "withdrawn" });
    else this.problems.push(`I10: ${version} was dropped while it was ${kind}`);
  }
}

function saysTheSame(a: Edit, b: Edit): boolean {
  return sameContent(a, b) && a.parents.join() === b.parents.join();
}

function sameContent(a: Edit, b: Edit): boolean {
  return a.deleted === b.deleted && JSON.stringify(a.content) === JSON.stringify(b.content);
}
