import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { utf8Length } from "@funkygibbon/kernel/json";
import { MAX_CHANGES_PER_PUSH, MAX_PUSH_BYTES } from "@funkygibbon/kernel/limits";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { TextContent } from "@funkygibbon/wire/content";
import { endsOf } from "./edit-queue.ts";
import type { Edit } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";

/** What of one push matters to the next one. */
export interface PushFootprint {
  readonly versions: ReadonlySet<VersionId>;
  /** Its records and the ends of its edges. */
  readonly records: ReadonlySet<RecordId>;
}

/** How much is looked at behind edits that have to wait: keeps planning cheap when very much is queued. */
const MAX_SCANNED_EDITS = 20_000;
/** Wire bytes of a change besides what is counted: ids, times, framing. Generous, as are the next ones. */
const CHANGE_OVERHEAD_BYTES = 512;
const PARENT_BYTES = 128;
/** A stamp apart from its keys. */
const STAMP_BYTES = 128;
/** A key apart from its text. */
const KEY_BYTES = 4;
/** Below the limit, so that the frame around the changes fits as well. */
const PUSH_BUDGET_BYTES = MAX_PUSH_BYTES - 64 * 1024;

/**
 * Chooses the next edits to push, by sequence, and freezes them. Skips what touches a record or an end of a push that
 * is not answered yet, and whatever touches something skipped, so that edits never overtake what they build on. A device
 * that was found to be cloned sends only what it had sent before: the rest waits for its new id.
 */
export function takePush(
  tx: ReplicaTransaction,
  options: { unanswered: readonly PushFootprint[]; nowUs: Micros },
): readonly Edit[] {
  const blocked = new Set<RecordId>();
  for (const push of options.unanswered) for (const record of push.records) blocked.add(record);
  const taken: Edit[] = [];
  let bytes = 0;
  let scanned = 0;
  for (const edit of tx.pendingEdits()) {
    if (++scanned > MAX_SCANNED_EDITS || taken.length >= MAX_CHANGES_PER_PUSH) break;
    // It waits for the new id, which waits for everything that was sent.
    if (tx.meta.forked && edit.state.kind === "unsent") continue;
    const touched = [edit.record, ...endsOf(edit.content)];
    const waits = edit.state.kind === "deferred" && edit.state.nextAtUs > options.nowUs;
    if (waits || touched.some((record) => blocked.has(record))) {
      for (const record of touched) blocked.add(record);
      continue;
    }
    bytes += changeBytes(edit);
    if (bytes > PUSH_BUDGET_BYTES && taken.length > 0) break;
    taken.push(edit);
  }
  for (const edit of taken) if (edit.state.kind === "unsent") tx.putEdit({ ...edit, state: { kind: "sent" } });
  return taken;
}

/** Whether something waits that may be sent: not what is DEFERRED, nor what waits for the new id of a clone. */
export function isSendable(tx: ReplicaTransaction): boolean {
  for (const { state } of tx.pendingEdits()) {
    if (state.kind === "sent" || (state.kind === "unsent" && !tx.meta.forked)) return true;
  }
  return false;
}

/**
 * When the next deferred edit may go again; undefined: there is none. One whose time has come already waits for something
 * else: for an answer, or for a deferred one before it.
 */
export function nextDeferralUs(pending: Iterable<Edit>, nowUs: Micros): Micros | undefined {
  let nextUs: Micros | undefined;
  for (const { state } of pending) {
    if (state.kind === "deferred" && state.nextAtUs > nowUs)
      nextUs = Math.min(nextUs ?? state.nextAtUs, state.nextAtUs);
  }
  return nextUs;
}

/** The footprint of some changes. */
export function footprintOf(
  changes: Iterable<{ readonly record: RecordId; readonly version: VersionId; readonly content: TextContent }>,
): PushFootprint {
  const versions = new Set<VersionId>();
  const records = new Set<RecordId>();
  for (const change of changes) {
    versions.add(change.version);
    records.add(change.record);
    for (const end of endsOf(change.content)) records.add(end);
  }
  return { versions, records };
}

/** Cuts changes into pushes that keep the limits of docs/protocol.md, section 11. */
export function* inPushes<T extends SizedChange>(changes: Iterable<T>): Iterable<T[]> {
  let push: T[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = changeBytes(change);
    if (push.length > 0 && (push.length >= MAX_CHANGES_PER_PUSH || bytes + size > PUSH_BUDGET_BYTES)) {
      yield push;
      push = [];
      bytes = 0;
    }
    push.push(change);
    bytes += size;
  }
  if (push.length > 0) yield push;
}

/** What of a change has no bound of its own: an edit says what it has changed, a lost record brings its stamps. */
interface SizedChange {
  readonly content: TextContent;
  readonly parents: readonly VersionId[];
  readonly changedKeys?: readonly string[];
  readonly stamps?: KeyStamps;
}

function changeBytes({ content, parents, changedKeys = [], stamps = [] }: SizedChange): number {
  let bytes = utf8Length(content.bodyJson) + CHANGE_OVERHEAD_BYTES + parents.length * PARENT_BYTES;
  bytes += keyBytes(changedKeys);
  for (const { keys } of stamps) bytes += STAMP_BYTES + keyBytes(keys);
  return bytes;
}

function keyBytes(keys: readonly string[]): number {
  return keys.reduce((sum, key) => sum + KEY_BYTES + utf8Length(key), 0);
}
