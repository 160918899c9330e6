import type { Sha256 } from "@funkygibbon/kernel/content";
import { addToDigest, type Digest, digestTerm } from "@funkygibbon/kernel/digest";
import type { Epoch, RecordId } from "@funkygibbon/kernel/ids";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import { parseVersion, type VersionId } from "@funkygibbon/kernel/version";
import { wakeDeferredEdits } from "./edit-queue.ts";
import { type BaseRecord, type Edit, lostBody } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";

/** A pulled record: whole, or the mere stamp of a version whose content the device has. */
export type Pulled =
  | { readonly kind: "version"; readonly record: BaseRecord }
  | { readonly kind: "own"; readonly stamp: OwnStamp };

/** What the log made of a version that this device pushed in this session. */
export interface OwnStamp {
  readonly record: RecordId;
  readonly version: VersionId;
  readonly seq: number;
  readonly author: string;
  readonly effectiveUs: number;
  readonly stamps: KeyStamps;
}

/** A base that is being pulled: the one in use, or a second replica. */
export interface BaseTarget {
  base(record: RecordId): BaseRecord | undefined;
  putBase(record: BaseRecord): void;
}

/** A second replica: pulled from empty while the first stays in use (docs/protocol.md, section 8). */
export class StagedBase implements BaseTarget {
  readonly records = new Map<RecordId, BaseRecord>();

  base(record: RecordId): BaseRecord | undefined {
    return this.records.get(record);
  }

  putBase(record: BaseRecord): void {
    this.records.set(record.record, record);
  }

  /** Recomputed from all live heads. */
  digest(sha256: Sha256): Digest {
    return digestOf(this.records.values(), sha256);
  }
}

/** The digest of some heads, from scratch. */
export function digestOf(records: Iterable<BaseRecord>, sha256: Sha256): Digest {
  let digest = 0n;
  for (const record of records) {
    if (!record.deleted) digest = addToDigest(digest, digestTerm(record.record, record.version, sha256));
  }
  return digest;
}

/**
 * Writes a page into a base. A record is never replaced by one with a lower seq, so pages may repeat.
 * @returns the own stamps whose content the device does not have: the base is incomplete and has to be pulled whole.
 */
export function applyPage(tx: ReplicaTransaction, target: BaseTarget, page: readonly Pulled[]): OwnStamp[] {
  const unknown: OwnStamp[] = [];
  for (const pulled of page) {
    const record = pulled.kind === "version" ? pulled.record : ownRecord(tx, pulled.stamp);
    if (record === undefined) {
      if (pulled.kind === "own" && !holds(target, pulled.stamp.record, pulled.stamp.seq)) unknown.push(pulled.stamp);
      continue;
    }
    if (holds(target, record.record, record.seq)) continue;
    target.putBase(record.deleted ? { ...record, ...lostBody(tx.visible(record.record)) } : record);
  }
  return unknown;
}

/**
 * Stores a page and its cursor in the base in use, in one step. @returns whether the page is whole: without the content of
 * an own version the cursor stays before it.
 */
export function storePage(tx: ReplicaTransaction, page: readonly Pulled[], cursor: string): boolean {
  if (applyPage(tx, tx, page).length > 0) return false;
  const records = page.map((pulled) => (pulled.kind === "own" ? pulled.stamp.record : pulled.record.record));
  releaseHeldEdits(tx, records);
  wakeDeferredEdits(tx, new Set(records));
  tx.setMeta({ cursor });
  return true;
}

/** Takes away the answered edits of these records that the base has caught up with. */
export function releaseHeldEdits(tx: ReplicaTransaction, records: Iterable<RecordId>): void {
  for (const record of records) {
    for (const edit of tx.editsOf(record)) if (isHeld(tx, edit)) tx.removeEdit(edit);
  }
}

/**
 * Takes away every answered edit up to this seq: the base holds all live heads up to there, so a record that it does
 * not hold has none.
 */
export function releaseEditsUpTo(tx: ReplicaTransaction, epoch: Epoch, headSeq: number): void {
  for (const edit of [...tx.allEdits()]) {
    if (edit.state.kind === "answered" && edit.state.epoch === epoch && edit.state.seq <= headSeq) tx.removeEdit(edit);
  }
}

/** Whether the base holds the record at the answered seq or later. */
export function isHeld(tx: ReplicaTransaction, edit: Edit): boolean {
  if (edit.state.kind !== "answered" || edit.state.epoch !== tx.meta.epoch) return false;
  return holds(tx, edit.record, edit.state.seq);
}

function holds(target: BaseTarget, record: RecordId, seq: number): boolean {
  return (target.base(record)?.seq ?? 0) >= seq;
}

/** The version behind an own stamp: an edit of this device, or a record of the base that was healed. */
function ownRecord(tx: ReplicaTransaction, stamp: OwnStamp): BaseRecord | undefined {
  const edit = tx.editsOf(stamp.record).find((candidate) => candidate.version === stamp.version);
  if (edit !== undefined) return fromEdit(edit, stamp);
  const healed = tx.base(stamp.record);
  return healed?.version === stamp.version ? { ...healed, seq: stamp.seq } : undefined;
}

function fromEdit(edit: Edit, stamp: OwnStamp): BaseRecord {
  return {
    record: edit.record,
    version: edit.version,
    parents: edit.parents,
    content: edit.content,
    deleted: edit.deleted,
    seq: stamp.seq,
    author: stamp.author,
    device: parseVersion(edit.version).device,
    sequence: edit.sequence,
    stamps: stamp.stamps,
    claimedUs: edit.claimedUs,
    effectiveUs: stamp.effectiveUs === 0 ? edit.claimedUs : stamp.effectiveUs,
  };
}
