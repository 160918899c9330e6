import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId, Epoch, HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { Rejection, StoredOutcome, Strategy } from "@funkygibbon/kernel/record";
import type { KeyStamps } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { TextContent } from "@funkygibbon/wire/content";
import { storeCorrupt } from "./store-error.ts";

/** The head of one record, as it was pulled: the lower layer of the replica (docs/protocol.md, section 6). */
export interface BaseRecord {
  readonly record: RecordId;
  readonly version: VersionId;
  readonly parents: readonly VersionId[];
  /** A tombstone's `bodyJson` is empty. */
  readonly content: TextContent;
  readonly deleted: boolean;
  /** Of a tombstone: the body that was deleted, if this device had it, so that it can be brought back. Never sent. */
  readonly lostBodyJson?: string;
  /** Position in the household's log; a record is never replaced by one with a lower seq. */
  readonly seq: number;
  /** The user who made the edit. */
  readonly author: string;
  readonly device: string;
  readonly sequence: number;
  /** Empty: all keys by this edit. */
  readonly stamps: KeyStamps;
  readonly claimedUs: Micros;
  readonly effectiveUs: Micros;
}

/**
 * Where an edit stands:
 * - `unsent`: nobody else has seen it; squashed by the next edit of the record.
 * - `sent`: may have been received. Frozen: sent again as it is until it is answered.
 * - `deferred`: answered DEFERRED; frozen, sent again from `nextAtUs` on.
 * - `answered`: in the log; shown until the base holds the record at `seq` of `epoch`, or an up-to-date at that seq
 *   shows that it has no live head.
 * - `dead`: rejected, or waiting for something that was; not part of the graph, shown to the user.
 */
export type EditState =
  | { readonly kind: "unsent" }
  | { readonly kind: "sent" }
  | { readonly kind: "deferred"; readonly sinceUs: Micros; readonly nextAtUs: Micros }
  | { readonly kind: "answered"; readonly outcome: StoredOutcome; readonly seq: number; readonly epoch: Epoch }
  | { readonly kind: "dead"; readonly rejection: Rejection };

/** One edit of this device: the upper layer of the replica, and the queue of what is to be pushed. */
export interface Edit {
  readonly record: RecordId;
  readonly version: VersionId;
  /** The sequence part of the version; orders the edits of this device, also across a change of its id. */
  readonly sequence: number;
  readonly parents: readonly VersionId[];
  readonly content: TextContent;
  readonly deleted: boolean;
  /** See {@link BaseRecord}. */
  readonly lostBodyJson?: string;
  /** The time part of the version, in whole milliseconds. */
  readonly claimedUs: Micros;
  /** Undefined leaves a divergence to the household's policy. */
  readonly wish: Strategy | undefined;
  /** What of the record is this edit's, against its parents; of no account for a create or a delete. */
  readonly changedKeys: readonly string[];
  readonly state: EditState;
}

/** What the device remembers besides records and edits. */
export interface ReplicaMeta {
  readonly deviceId: DeviceId;
  /** Undefined before the first contact. */
  readonly household: HouseholdId | undefined;
  /** The epoch that the base belongs to. */
  readonly epoch: Epoch | undefined;
  /** Empty: nothing pulled yet. Stored together with the page it came with. */
  readonly cursor: string;
  /** The key of the last welcome; empty when there was none. */
  readonly sessionKey: Uint8Array;
  /** The newest claimed time; the next one is never below. */
  readonly lastClaimedUs: Micros;
  /** The newest sequence that was given to an edit, or that the server knows of. */
  readonly lastSequence: number;
  /** The server's clock of the last up-to-date. */
  readonly vectorClock: Readonly<Record<string, string>>;
  /** A clone of this device exists: once every sent edit is answered, the device takes a new id. */
  readonly forked: boolean;
}

/** A device that has never been in contact. */
export function freshMeta(deviceId: DeviceId): ReplicaMeta {
  return {
    deviceId,
    household: undefined,
    epoch: undefined,
    cursor: "",
    sessionKey: new Uint8Array(),
    lastClaimedUs: 0,
    lastSequence: 0,
    vectorClock: {},
    forked: false,
  };
}

/** The order in which edits were made, and are pushed. */
export function bySequence(a: Edit, b: Edit): number {
  return a.sequence - b.sequence;
}

/** Whether an edit still has to be pushed. */
export function isPending(edit: Edit): boolean {
  return edit.state.kind === "unsent" || edit.state.kind === "sent" || edit.state.kind === "deferred";
}

/** Whether an edit lies over the base: every one that was not given up. */
export function isVisible(edit: Edit): boolean {
  return edit.state.kind !== "dead";
}

/** What a record or an edit that is no tombstone says. @throws DomainError with reason STORE_CORRUPT when its store was damaged. */
export function bodyOf({ record, content }: Pick<BaseRecord | Edit, "record" | "content">): JsonObject {
  try {
    return JSON.parse(content.bodyJson) as JsonObject;
  } catch (error) {
    throw storeCorrupt(`with record ${record}`, error);
  }
}

/** The body of a record that a tombstone takes the place of, as a tombstone remembers it. */
export function lostBody(replaced: BaseRecord | Edit | undefined): Pick<BaseRecord, "lostBodyJson"> {
  if (replaced === undefined) return {};
  if (!replaced.deleted) return { lostBodyJson: replaced.content.bodyJson };
  return replaced.lostBodyJson === undefined ? {} : { lostBodyJson: replaced.lostBodyJson };
}
