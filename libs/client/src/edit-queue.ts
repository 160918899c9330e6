import type { Clock } from "@funkygibbon/kernel/clock";
import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import type { Strategy } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { TextContent } from "@funkygibbon/wire/content";
import { mintVersion, mintVersionAt } from "./device-clock.ts";
import type { Edit } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";

/** What the user has done to one record. */
export interface EditDraft {
  readonly record: RecordId;
  readonly content: TextContent;
  readonly deleted: boolean;
  /** See `BaseRecord`. */
  readonly lostBodyJson?: string;
  readonly wish: Strategy | undefined;
  /** The keys in which it differs from what is seen. */
  readonly changedKeys: readonly string[];
}

/**
 * Puts an edit on top of what is seen of its record. An edit that was never sent is squashed into the new one, which
 * then names as parent the version that the squashed content was derived from, never one that was merely pulled
 * meanwhile (docs/protocol.md, section 2). @returns undefined when nothing is left to be said: a record that was created and deleted before
 * anybody heard of it.
 */
export function stageEdit(tx: ReplicaTransaction, draft: EditDraft, clock: Clock): Edit | undefined {
  const top = tx.topEdit(draft.record);
  const squashed = top?.state.kind === "unsent" ? top : undefined;
  const parents = squashed?.parents ?? parentsOf(top?.version ?? tx.base(draft.record)?.version);
  if (squashed !== undefined) {
    tx.removeEdit(squashed);
    if (draft.deleted && parents.length === 0 && !tx.isPendingEnd(draft.record)) return undefined;
  }
  const changedKeys = union(squashed?.changedKeys ?? [], draft.changedKeys);
  const edit: Edit = { ...draft, ...mintVersion(tx, clock), parents, changedKeys, state: { kind: "unsent" } };
  tx.putEdit(edit);
  return edit;
}

/**
 * Gives new versions, under the device's present id and above its counter, to all edits that were never sent. Versions
 * that others have seen stay as they are.
 */
function relabelUnsentEdits(tx: ReplicaTransaction): void {
  // Within a record: what is pulled of another one may be a clone's, under the very version that an edit here has.
  const renamed = new Map<string, VersionId>();
  const nameOf = ({ record }: Edit, version: VersionId) => `${record} ${version}`;
  const unsent = [...tx.pendingEdits()].filter((edit) => edit.state.kind === "unsent");
  for (const edit of unsent) tx.removeEdit(edit);
  for (const edit of unsent) {
    const minted = mintVersionAt(tx, edit.claimedUs);
    renamed.set(nameOf(edit, edit.version), minted.version);
    const parents = edit.parents.map((parent) => renamed.get(nameOf(edit, parent)) ?? parent);
    tx.putEdit({ ...edit, ...minted, parents });
  }
}

/**
 * What a welcome says of this device's name: whether the server holds it for a clone of the one that it knows, and the
 * newest sequence that it knows under this name.
 */
export interface NameStanding {
  readonly forked: boolean;
  readonly highestSequence: number;
}

/**
 * Finds out whether somebody else goes, or went, by this device's name: a clone, or this device itself before its disk was
 * put back to an older state, as whom the server then knows a later sequence than the disk. What waits there must not be
 * sent under the old name: it would count as newer than all that was made there since. With nothing to lose by it, the
 * device only counts on from what the server knows.
 */
export function takeStanding(tx: ReplicaTransaction, { forked, highestSequence }: NameStanding): void {
  const isBehind = highestSequence > tx.meta.lastSequence;
  const hasPending = !tx.pendingEdits()[Symbol.iterator]().next().done;
  const hasHistory = tx.meta.cursor !== "";
  if ((forked && (hasHistory || hasPending)) || (isBehind && hasPending)) tx.setMeta({ forked: true });
  else if (isBehind) tx.setMeta({ lastSequence: highestSequence });
}

/**
 * Takes a new device id; edits that no log can hold go over to it: those never sent, and those answered DEFERRED
 * (docs/protocol.md, section 10).
 */
export function takeDeviceId(tx: ReplicaTransaction, deviceId: DeviceId): void {
  for (const edit of [...tx.pendingEdits()]) {
    if (edit.state.kind === "deferred") tx.putEdit({ ...edit, state: { kind: "unsent" } });
  }
  tx.setMeta({ deviceId, sessionKey: new Uint8Array(), forked: false });
  relabelUnsentEdits(tx);
}

/** The id of a clone: the device's first id with a random ending, within 64 characters. @param random as Math.random. */
export function forkedDeviceId(deviceId: DeviceId, random: () => number): DeviceId {
  const first = deviceId.replace(/\.[0-9a-f]{8}$/, "");
  const ending = Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, "0");
  return `${first.slice(0, 64 - 1 - ending.length)}.${ending}` as DeviceId;
}

/** Takes an edit out of the line of its record: later ones that were never sent stand on what it stood on. */
export function reparentPast(tx: ReplicaTransaction, gone: Edit): void {
  for (const later of tx.editsOf(gone.record)) {
    if (later.state.kind !== "unsent" || !later.parents.includes(gone.version)) continue;
    const parents = later.parents.flatMap((parent) => (parent === gone.version ? gone.parents : [parent]));
    // Its content holds what the other had changed, and now it is the first to say so.
    const changedKeys = union(gone.changedKeys, later.changedKeys);
    tx.putEdit({ ...later, parents: [...new Set(parents)], changedKeys });
  }
}

/** Ends of edges have come: edges that waited for them need not wait any longer. */
export function wakeDeferredEdits(tx: ReplicaTransaction, arrived: ReadonlySet<RecordId>): void {
  for (const edit of [...tx.pendingEdits()]) {
    if (edit.state.kind !== "deferred" || !endsOf(edit.content).some((end) => arrived.has(end))) continue;
    tx.putEdit({ ...edit, state: { ...edit.state, nextAtUs: 0 } });
  }
}

/** The entities at the ends of an edit of an edge; none for an entity. */
export function endsOf(content: TextContent): readonly RecordId[] {
  return content.kind === "relationship" ? [content.from, content.to] : [];
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])];
}

function parentsOf(version: VersionId | undefined): readonly VersionId[] {
  return version === undefined ? [] : [version];
}
