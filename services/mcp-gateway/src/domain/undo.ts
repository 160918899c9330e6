import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import { ENDS_KEY } from "@funkygibbon/kernel/content";
import type { RecordKind } from "@funkygibbon/kernel/entity-type";
import { type JsonObject, type JsonValue, jsonEquals, jsonGet, jsonObject } from "@funkygibbon/kernel/json";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import type { CallChange } from "./activity-log.ts";
import type { Neighbour } from "./graph.ts";
import type { Ends } from "./home-edits.ts";
import type { HistoryItem } from "./home-history.ts";
import { nameText } from "./name-text.ts";
import { ToolFault } from "./tool-fault.ts";

/** What there is to know about the record that a call changed. */
export interface ChangedRecord {
  readonly change: CallChange;
  /** All accepted versions since the call's own, newest first; empty when that is the head. */
  readonly since: readonly HistoryItem[];
  /** The version that the call wrote. */
  readonly own: HistoryItem;
  /** The version that it replaced; undefined when there was none. */
  readonly before: HistoryItem | undefined;
  /** The live edges of an entity. */
  readonly edges: readonly Neighbour[];
}

/** A key that stays as it is, because somebody has changed it since. */
export interface KeptKey {
  readonly key: string;
  readonly changedSince: string;
}

/** The one write by which a call is reverted, against the head that was looked at. */
export type Undo =
  | { readonly kind: "delete"; readonly recordKind: RecordKind; readonly id: string; readonly etag: string }
  | {
      readonly kind: "restore";
      readonly recordKind: RecordKind;
      readonly id: string;
      readonly etag: string;
      readonly version: string;
    }
  | {
      readonly kind: "update";
      readonly recordKind: RecordKind;
      readonly id: string;
      readonly etag: string;
      readonly set: JsonObject;
      readonly remove: readonly string[];
      /** Undefined: stay. */
      readonly ends: Ends | undefined;
      readonly kept: readonly KeptKey[];
    };

/**
 * How a change is reverted: what was created is deleted, what was deleted is restored, and of what was updated the keys
 * that the call changed go back, as far as nobody has changed them since.
 * @throws ToolFault ALREADY_UNDONE, CHANGED_SINCE, CHANGED_NOTHING or BODY_REMOVED, saying by whom and when.
 */
export function planUndo(record: ChangedRecord): Undo {
  switch (record.change.change) {
    case "created":
      return undoCreate(record);
    case "deleted":
      return undoDelete(record);
    case "updated":
      return undoUpdate(record);
  }
}

function undoCreate({ change, since, own, edges }: ChangedRecord): Undo {
  const [last] = since;
  if (last?.version.deleted === true) throw alreadyUndone("It is deleted", last);
  if (last !== undefined) {
    throw changedSince(`It was changed since (${keysOf(since)}), which a delete would lose`, last);
  }
  // What came with the entity was committed with it; whatever else is attached is the work of other calls.
  const attached = edges.filter(({ committedUs }) => committedUs !== own.version.committedUs);
  if (attached.length > 0) {
    const list = attached.slice(0, 5).map(({ relation, entity, relationshipId }) => {
      return `${relation} ${nameText(entity.name)} (relationship ${relationshipId})`;
    });
    throw new ToolFault(
      `Other calls have connected it since: ${list.join(", ")}${attached.length > list.length ? ", …" : ""}.`,
      { reason: "CHANGED_SINCE", hint: "Undo those calls first (get_activity), or use delete_entity for all of it." },
    );
  }
  return { kind: "delete", recordKind: change.kind, id: change.recordId, etag: own.version.version };
}

function undoDelete({ change, since, own }: ChangedRecord): Undo {
  const [last] = since;
  if (last !== undefined && !last.version.deleted) throw alreadyUndone("It is back", last);
  if (last !== undefined) throw changedSince("It came back since, and was deleted once more", last);
  const version = change.versionBefore;
  if (version === undefined) throw changedNothing();
  return { kind: "restore", recordKind: change.kind, id: change.recordId, etag: own.version.version, version };
}

function undoUpdate({ change, since, own, before }: ChangedRecord): Undo {
  const head = since[0] ?? own;
  if (head.version.deleted) throw changedSince("It was deleted since", head);
  if (before === undefined || own.changedKeys.length === 0) throw changedNothing();
  if (before.version.bodyRemoved) {
    throw new ToolFault("Retention has removed what the record said before the call.", { reason: "BODY_REMOVED" });
  }
  const kept = own.changedKeys.flatMap((key): (KeptKey & { readonly item: HistoryItem })[] => {
    const item = since.find(({ changedKeys }) => changedKeys.includes(key));
    return item === undefined ? [] : [{ key, changedSince: whoAndWhen(item), item }];
  });
  const back = own.changedKeys.filter((key) => !kept.some((each) => each.key === key));
  const [first] = kept;
  if (back.length === 0 && first !== undefined) {
    const all = kept.every(({ key }) => sameValue(head.version, before.version, key));
    throw all
      ? alreadyUndone("It says what it said before", first.item)
      : changedSince(`${keysOf(since)} changed since`, first.item);
  }
  const body = before.version.content.body ?? {};
  const keys = back.filter((key) => key !== ENDS_KEY);
  return {
    kind: "update",
    recordKind: change.kind,
    id: change.recordId,
    etag: head.version.version,
    set: jsonObject(keys.flatMap((key) => entryOf(body, key))),
    remove: keys.filter((key) => jsonGet(body, key) === undefined),
    ends: back.includes(ENDS_KEY) ? endsOf(before.version) : undefined,
    kept: kept.map(({ key, changedSince: by }) => ({ key, changedSince: by })),
  };
}

function entryOf(body: JsonObject, key: string): (readonly [string, JsonValue])[] {
  const value = jsonGet(body, key);
  return value === undefined ? [] : [[key, value]];
}

function sameValue(a: RecordVersion, b: RecordVersion, key: string): boolean {
  if (key === ENDS_KEY) return JSON.stringify(endsOf(a)) === JSON.stringify(endsOf(b));
  return jsonEquals(jsonGet(a.content.body ?? {}, key), jsonGet(b.content.body ?? {}, key));
}

function endsOf({ content }: RecordVersion): Ends | undefined {
  return content.kind === "entity" ? undefined : { type: content.type, fromId: content.from, toId: content.to };
}

function keysOf(items: readonly HistoryItem[]): string {
  return [...new Set(items.flatMap(({ changedKeys }) => changedKeys))].map(nameText).join(", ");
}

/** `by ada at 2026-11-28T09:30:00.000Z through Assistant, update_entity, call 0192…`. */
function whoAndWhen({ version }: HistoryItem): string {
  const { author, committedUs, origin, device } = version;
  const through = origin === undefined ? device : [origin.clientName, origin.tool].filter(Boolean).join(", ");
  const call = origin === undefined ? "" : `, call ${origin.callId}`;
  return `by ${author} at ${new Date(committedUs / MICROS_PER_MS).toISOString()} through ${through || "the API"}${call}`;
}

function alreadyUndone(state: string, item: HistoryItem): ToolFault {
  return new ToolFault(`${state} already: ${whoAndWhen(item)}.`, { reason: "ALREADY_UNDONE" });
}

function changedSince(what: string, item: HistoryItem): ToolFault {
  return new ToolFault(`${what}: ${whoAndWhen(item)}.`, {
    reason: "CHANGED_SINCE",
    hint: "Undo that call first, or make the change that you want with the other tools.",
  });
}

function changedNothing(): ToolFault {
  return new ToolFault("That call wrote a version that says what the one before it said.", {
    reason: "CHANGED_NOTHING",
  });
}
