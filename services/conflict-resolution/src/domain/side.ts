import { ENDS_KEY, type RecordContent } from "@funkygibbon/kernel/content";
import { type JsonObject, type JsonValue, jsonGet } from "@funkygibbon/kernel/json";
import type { DivergedVersion } from "@funkygibbon/kernel/record";
import type { KeyStamps, Stamp } from "@funkygibbon/kernel/stamp";

/** One version as a merge looks at it: its body key by key, each key with the edit that last set or removed it. */
export interface Side {
  readonly content: RecordContent;
  readonly deleted: boolean;
  /** `{}` for a tombstone. Says nothing when {@link bodyKnown} is false. */
  readonly body: JsonObject;
  /** False when retention has removed the body. The stamps serve still (contracts.md, Commit). */
  readonly bodyKnown: boolean;
  /** The stamps that the version names: those of other edits, and of removed keys. Ask {@link stampOf}. */
  readonly named: ReadonlyMap<string, Stamp>;
  /** The stamp of the version itself, which the keys that it does not name carry. */
  readonly own: Stamp;
  /** The record has no version on this side: {@link absentSide}. */
  readonly absent: boolean;
}

const EMPTY: JsonObject = {};

/** Reads a version as one side of a merge. */
export function sideOf(version: DivergedVersion): Side {
  return {
    content: version.content,
    deleted: version.deleted,
    body: version.content.body ?? EMPTY,
    bodyKnown: version.deleted || !version.bodyRemoved,
    named: namedStamps(version.stamps),
    own: { effectiveUs: version.effectiveUs, device: version.device, sequence: version.sequence },
    absent: false,
  };
}

function namedStamps(stamps: KeyStamps): ReadonlyMap<string, Stamp> {
  if (stamps.length === 0) return NO_STAMPS;
  const named = new Map<string, Stamp>();
  for (const { stamp, keys } of stamps) for (const key of keys) named.set(key, stamp);
  return named;
}

const NO_STAMPS: ReadonlyMap<string, Stamp> = new Map();

/** Type and ends of a relationship as the one value that they are merged as; undefined for an entity. */
export function endsOf(content: RecordContent): JsonObject | undefined {
  return content.kind === "entity" ? undefined : { from: content.from, to: content.to, type: content.type };
}

/** The value of a key on this side; undefined when the key is not there. */
export function valueAt(side: Side, key: string): JsonValue | undefined {
  return jsonGet(side.body, key);
}

/**
 * The edit that last touched a key; undefined when the side never had it. Keys that a version has and does not name carry
 * its own stamp. A tombstone has set all keys at once, and of a version without its body we cannot know which it has:
 * both answer with their own for every key that they do not name.
 */
export function stampOf(side: Side, key: string): Stamp | undefined {
  const named = side.named.get(key);
  if (named !== undefined) return named;
  return side.deleted || !side.bodyKnown || Object.hasOwn(side.body, key) ? side.own : undefined;
}

/** The edit that last set type and ends of a relationship; undefined on the absent side of a record. */
export function endsStampOf(side: Side): Stamp | undefined {
  return side.absent ? undefined : (side.named.get(ENDS_KEY) ?? side.own);
}

/** The other side of a record that has no head: no keys, no ends, no edits. */
export function absentSide(present: Side): Side {
  return { ...present, deleted: false, body: EMPTY, bodyKnown: true, named: NO_STAMPS, absent: true };
}
