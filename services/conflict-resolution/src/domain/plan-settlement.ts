import { failedPrecondition } from "@funkygibbon/kernel/errors";
import { type JsonObject, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import type { ConflictDecision, FieldConflict, RecordVersion, SettledContent } from "@funkygibbon/kernel/record";
import { compareSides, type KeyComparison } from "./compare-sides.ts";
import { fieldConflict } from "./conflict-draft.ts";
import type { ConflictFile } from "./conflict-store.ts";
import { type DecidedKey, type DecisionRule, decideFor, mergeKeys } from "./merge-keys.ts";
import { exceedsBodyLimit, mergedContent } from "./merged-content.ts";
import { ruleLookup } from "./policy.ts";
import { absentSide, endsOf, type Side, sideOf } from "./side.ts";

/** How a person settles a conflict. */
export type SettlementChoice =
  | { readonly kind: "strategy"; readonly strategy: "accept_local" | "accept_server" | "merge" }
  /** A body (or properties) of the person's own. */
  | { readonly kind: "edited"; readonly body: JsonObject };

/** What a choice would come to, against the head as it is now. */
export interface SettlementPlan {
  readonly decision: ConflictDecision;
  /** What becomes head; undefined when the head stays. */
  readonly content: SettledContent | undefined;
  /** What the record says after it: the content, or the head that stays. */
  readonly after: { readonly bodyJson: string | undefined; readonly deleted: boolean };
  /** The keys on which the conflict was, and those on which the choice loses something. */
  readonly fields: readonly FieldConflict[];
  /** Only those on which the choice loses something. */
  readonly lostFields: readonly FieldConflict[];
}

/**
 * Works out what becomes of the record. Sides are the device's version and the head as it is now, not as it was: edits
 * that came after the conflict stay unless the choice is about their keys. Pure; preview and settlement share it.
 * @throws DomainError `failed-precondition`: BODY_REMOVED, RECORD_DELETED, MERGE_TOO_LARGE.
 */
export function planSettlement(file: ConflictFile, choice: SettlementChoice): SettlementPlan {
  const view = viewOf(file);
  const chosen = choose(view, choice);
  const content = mergedContent(chosen.decided, chosen.deleted);
  if (exceedsBodyLimit(content)) {
    throw failedPrecondition("MERGE_TOO_LARGE", `the record would exceed ${BODY_LIMITS.maxBytes} bytes`);
  }
  const stays = chosen.decision === "kept_server" || headSays(view, chosen);
  const lost = chosen.decided.filter((key) => key.lost);
  const named = chosen.decided.filter((key) => key.lost || view.recorded.has(key.comparison.key));
  return {
    decision: stays ? "kept_server" : chosen.decision,
    content: stays ? undefined : { ...content, ends: endsOfWhom(view, chosen) },
    after: { bodyJson: content.bodyJson, deleted: chosen.deleted },
    fields: named.map((key) => fieldConflict(key, false)),
    lostFields: lost.map((key) => fieldConflict(key, false)),
  };
}

/** Which version lends type and ends. Where there is no head, only the device's can. */
function endsOfWhom({ head }: View, { decided }: Chosen): SettledContent["ends"] {
  if (head === undefined) return "local";
  const ends = decided.find(({ comparison }) => comparison.place === "ends");
  if (ends === undefined || jsonEquals(ends.value, ends.comparison.server.value)) return "server";
  return jsonEquals(ends.value, ends.comparison.local.value) ? "local" : "found";
}

function headSays({ head }: View, { decided, deleted }: Chosen): boolean {
  if (head === undefined || head.deleted !== deleted) return false;
  return decided.every(({ comparison, value }) => jsonEquals(value, comparison.server.value));
}

/** A conflict file, read. */
interface View {
  readonly file: ConflictFile;
  readonly local: Side;
  /** The head when the conflict was found. */
  readonly server: Side | undefined;
  readonly head: Side | undefined;
  /** Device against head now, key by key. */
  readonly comparisons: readonly KeyComparison[];
  /** The keys that the conflict names. */
  readonly recorded: ReadonlySet<string>;
}

interface Chosen {
  readonly decision: ConflictDecision;
  readonly decided: readonly DecidedKey[];
  readonly deleted: boolean;
}

function viewOf(file: ConflictFile): View {
  const local = sideOf(file.local);
  const head = file.head && sideOf(file.head);
  const base = file.base && sideOf(file.base);
  return {
    file,
    local,
    server: file.server && sideOf(file.server),
    head,
    comparisons: compareSides({ local, server: head ?? absentSide(local), base }),
    recorded: new Set(file.conflict.fields.map(({ field }) => field)),
  };
}

function choose(view: View, choice: SettlementChoice): Chosen {
  if (choice.kind === "edited") return edited(view, choice.body);
  switch (choice.strategy) {
    case "accept_local":
      return takeVersion(view, view.file.local, "accept-local");
    case "accept_server":
      return headStands(view) ? keep(view, "accept-server") : takeVersion(view, view.file.server, "accept-server");
    case "merge":
      return merged(view);
  }
}

/** Whether the head is the server's side still; otherwise keeping that side means taking something back. */
function headStands({ file: { conflict }, local, head }: View): boolean {
  const restoredSince = local.deleted && head?.deleted === false;
  return restoredSince || conflict.decision === "open" || conflict.decision === "kept_server";
}

function keep({ head, comparisons }: View, rule: DecisionRule): Chosen {
  const decided = comparisons.map((comparison) => decideFor(comparison, comparison.server.value, rule));
  return { decision: "kept_server", decided, deleted: head?.deleted ?? true };
}

/** The keys on which device and server differed, as one of them had them; every other key as the head has it. */
function takeVersion(view: View, version: RecordVersion | undefined, rule: "accept-local" | "accept-server"): Chosen {
  const decision = rule === "accept-local" ? "took_local" : "merged";
  if (version === undefined || version.deleted) {
    const decided = view.comparisons.map((comparison) => {
      const value = comparison.place === "ends" ? comparison.server.value : undefined;
      return decideFor(comparison, value, rule);
    });
    return { decision, decided, deleted: true };
  }
  refuseRemovedBody(version);
  refuseOvertaken(view);
  const chosen = sideOf(version);
  const headIsLive = view.head !== undefined && !view.head.deleted;
  const contested = contestedKeys(view, chosen);
  const decided = view.comparisons.map((comparison) => {
    const fromHead = headIsLive && !contested(comparison);
    if (fromHead) return decideFor(comparison, comparison.server.value, rule);
    const value = comparison.place === "ends" ? endsOf(chosen.content) : jsonGet(chosen.body, comparison.key);
    return decideFor(comparison, value, rule);
  });
  return { decision, decided, deleted: false };
}

/** Whether the sides of the conflict differed on a key when it was found; where one was a tombstone, on all of the other's. */
function contestedKeys({ local, server }: View, chosen: Side): (comparison: KeyComparison) => boolean {
  if (server === undefined || server.deleted || local.deleted) {
    return ({ place, key }) => place === "ends" || Object.hasOwn(chosen.body, key);
  }
  const differing = compareSides({ local, server, base: undefined }).filter(({ equal }) => !equal);
  const names = new Set(differing.map(({ place, key }) => `${place} ${key}`));
  return ({ place, key }) => names.has(`${place} ${key}`);
}

/** The ladder once more, without the policy's MANUAL: the person has come. */
function merged(view: View): Chosen {
  const { local, head, comparisons, file } = view;
  // The ladder keeps the head of every delete conflict: a delete that won is the head, one that lost met a restore.
  if (local.deleted || head?.deleted === true) return keep(view, "delete-wins");
  refuseRemovedBody(file.local);
  if (local.content.kind === "entity" && head !== undefined && !sameType(local, head))
    return keep(view, "type-differs");
  return { decision: "merged", decided: mergeKeys(comparisons, ruleLookup(file.policy)), deleted: false };
}

function sameType(local: Side, head: Side): boolean {
  return local.content.kind === head.content.kind && local.content.type === head.content.type;
}

/** Keys that are as one side has them keep its stamp; a value of the person's own carries the greater of both. */
function edited(view: View, body: JsonObject): Chosen {
  refuseOvertaken(view);
  const known = new Set(view.comparisons.filter(({ place }) => place === "body").map(({ key }) => key));
  const added = Object.keys(body).filter((key) => !known.has(key));
  const decided = [
    ...view.comparisons.map((comparison) => {
      const value = comparison.place === "ends" ? comparison.server.value : jsonGet(body, comparison.key);
      return decideFor(comparison, value, "edited");
    }),
    // No parent has these keys: the settlement itself is the first edit to set them, so they carry its stamp.
    ...added.map((key) => decideFor(absentKey(key), jsonGet(body, key), "edited")),
  ];
  return { decision: "edited", decided, deleted: false };
}

function absentKey(key: string): KeyComparison {
  const absent = { value: undefined, stamp: undefined };
  return {
    place: "body",
    key,
    local: absent,
    server: absent,
    base: undefined,
    baseValueKnown: false,
    localChanged: false,
    serverChanged: false,
    equal: true,
  };
}

function refuseRemovedBody(version: RecordVersion): void {
  if (version.bodyRemoved) {
    throw failedPrecondition("BODY_REMOVED", "retention has removed the content of that version", {
      version: version.version,
    });
  }
}

/** A record that was deleted after the conflict is not revived by settling it; restoring is an act of its own. */
function refuseOvertaken({ local, server, head }: View): void {
  const deletedAfterwards = head?.deleted === true && !local.deleted && server !== undefined && !server.deleted;
  if (deletedAfterwards) throw failedPrecondition("RECORD_DELETED", "the record was deleted; restore it first");
}
