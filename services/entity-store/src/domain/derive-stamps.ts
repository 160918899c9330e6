import { contentKeys, ENDS_KEY, type RecordContent } from "@funkygibbon/kernel/content";
import { type JsonValue, jsonEquals, jsonGet, utf8Length } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import {
  compactStamps,
  compareStamps,
  compareUtf8,
  expandStamps,
  type KeyStamps,
  newerStamp,
  type Stamp,
  unknownStamp,
} from "@funkygibbon/kernel/stamp";
import { ownStamp, type StoredVersion, sameStamp } from "./stored-version.ts";

/**
 * The per-key stamps of an edit (docs/protocol.md, section 3): a key keeps the greatest stamp among the parents that
 * hold an equal value (no value at all is a value too); otherwise it takes the edit's own. Of a parent whose body was
 * removed, what the device says it has changed tells which values are equal. A tombstone sets all keys.
 */
export function deriveStamps(
  content: RecordContent,
  own: Stamp,
  parents: readonly StoredVersion[],
  changed?: ReadonlySet<string>,
): KeyStamps {
  if (content.body === null || parents.length === 0) return [];
  const keys = contentKeys(content);
  const sides = parents.map((parent) => ({ parent, stamps: stampsOf(parent) }));
  const stamps = new Map<string, Stamp>();
  for (const key of new Set([...keys, ...sides.flatMap((side) => [...side.stamps.keys()])])) {
    stamps.set(key, keptStamp(key, content, sides, changed) ?? own);
  }
  return compactStamps(withoutLongRemoved(stamps, keys), keys, own);
}

/**
 * The same of an edit that names parents of which none is known, as after a restore: what the device says it has
 * changed is its own, and what it only found there stands against nothing. All of it is its own when it does not say.
 */
export function stampsWithoutParent(
  content: RecordContent,
  own: Stamp,
  changed: ReadonlySet<string> | undefined,
): KeyStamps {
  if (content.body === null || changed === undefined) return [];
  const keys = contentKeys(content);
  const found = unknownStamp(own.device);
  const stamps = new Map<string, Stamp>();
  for (const key of keys) stamps.set(key, changed.has(key) ? own : found);
  for (const key of changed) stamps.set(key, own);
  return compactStamps(withoutLongRemoved(stamps, keys), keys, own);
}

/** Every key that a version stamps, removed ones too. */
export function stampsOf(version: StoredVersion): Map<string, Stamp> {
  return expandStamps(version.stamps, contentKeys(version.content), ownStamp(version));
}

/**
 * The stamps of a merge, as its resolver gave them: believed where they are those of a parent for that key, derived
 * where they are not (docs: contracts, Commit).
 */
export function checkMergedStamps(
  content: RecordContent,
  proposed: KeyStamps,
  own: Stamp,
  parents: readonly StoredVersion[],
): KeyStamps {
  const keys = contentKeys(content);
  const sides = parents.map((parent) => ({ parent, stamps: stampsOf(parent) }));
  const given = expandStamps(proposed, [], own);
  const stamps = new Map<string, Stamp>();
  for (const key of new Set([...keys, ...given.keys(), ...sides.flatMap((side) => [...side.stamps.keys()])])) {
    const stamp = given.get(key);
    const believed = stamp !== undefined && sides.some((side) => isStampOf(side, key, stamp));
    stamps.set(key, believed ? stamp : (keptStamp(key, content, sides) ?? own));
  }
  return compactStamps(withoutLongRemoved(stamps, keys), keys, own);
}

/**
 * The stamps of a person's decision: a key on which all parents agree with it keeps the greatest of their stamps; one
 * that had to be decided takes the decision's own, so that it stands against whatever was written before it.
 */
export function settledStamps(content: RecordContent, own: Stamp, parents: readonly StoredVersion[]): KeyStamps {
  if (content.body === null) return [];
  const keys = contentKeys(content);
  const sides = parents.map((parent) => ({ parent, stamps: stampsOf(parent) }));
  const stamps = new Map<string, Stamp>();
  for (const key of new Set([...keys, ...sides.flatMap((side) => [...side.stamps.keys()])])) {
    const agreed = sides.every(({ parent }) => !parent.bodyRemoved && holdsEqual(key, content, parent.content));
    stamps.set(key, (agreed ? keptStamp(key, content, sides) : undefined) ?? own);
  }
  return compactStamps(withoutLongRemoved(stamps, keys), keys, own);
}

/**
 * A record remembers as many removed keys as a body could hold, so that its stamps do not grow for ever: the rest, removed
 * longest ago, are forgotten, as if they had never been there.
 */
function withoutLongRemoved(stamps: Map<string, Stamp>, keys: ReadonlySet<string>): ReadonlyMap<string, Stamp> {
  // All of `keys` are stamped, so that mostly there is nothing more.
  if (stamps.size === keys.size) return stamps;
  const removed = [...stamps].filter(([key]) => !keys.has(key));
  let bytes = removed.reduce((sum, [key]) => sum + utf8Length(key), 0);
  if (bytes <= BODY_LIMITS.maxBytes) return stamps;
  removed.sort(([a, one], [b, other]) => compareStamps(one, other) || compareUtf8(a, b));
  for (const [key] of removed) {
    if (bytes <= BODY_LIMITS.maxBytes) break;
    stamps.delete(key);
    bytes -= utf8Length(key);
  }
  return stamps;
}

interface ParentSide {
  readonly parent: StoredVersion;
  readonly stamps: ReadonlyMap<string, Stamp>;
}

function keptStamp(
  key: string,
  content: RecordContent,
  sides: readonly ParentSide[],
  changed?: ReadonlySet<string>,
): Stamp | undefined {
  let kept: Stamp | undefined;
  for (const { parent, stamps } of sides) {
    const unchanged = parent.bodyRemoved ? changed?.has(key) === false : holdsEqual(key, content, parent.content);
    // Which keys a version had can no longer be told without its body: those that it does not name carry its own stamp.
    const stamp = stamps.get(key) ?? (parent.bodyRemoved ? ownStamp(parent) : undefined);
    if (stamp === undefined || !unchanged) continue;
    kept = kept === undefined ? stamp : newerStamp(kept, stamp);
  }
  return kept;
}

/** A tombstone has stamped every key, named or not. */
function isStampOf({ parent, stamps }: ParentSide, key: string, stamp: Stamp): boolean {
  const ofKey = stamps.get(key) ?? (parent.deleted ? ownStamp(parent) : undefined);
  return ofKey !== undefined && sameStamp(ofKey, stamp);
}

function holdsEqual(key: string, a: RecordContent, b: RecordContent): boolean {
  if (key === ENDS_KEY && a.kind === "relationship" && b.kind === "relationship") {
    return a.type === b.type && a.from === b.from && a.to === b.to;
  }
  return jsonEquals(bodyValue(a, key), bodyValue(b, key));
}

function bodyValue(content: RecordContent, key: string): JsonValue | undefined {
  return content.body === null ? undefined : jsonGet(content.body, key);
}
