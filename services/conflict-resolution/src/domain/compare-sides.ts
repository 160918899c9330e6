import { ENDS_KEY } from "@funkygibbon/kernel/content";
import { type JsonValue, jsonEquals } from "@funkygibbon/kernel/json";
import { compareStamps, compareUtf8, isUnknownStamp, type Stamp } from "@funkygibbon/kernel/stamp";
import { endsOf, endsStampOf, type Side, stampOf, valueAt } from "./side.ts";

/** What one side says for one key. */
export interface Cell {
  /** Undefined: the key is not there. */
  readonly value: JsonValue | undefined;
  /** The edit that last set or removed the key; undefined: the side never had it. */
  readonly stamp: Stamp | undefined;
}

/** One key as both sides and their common ancestor have it. */
export interface KeyComparison {
  /** `ends`: type and ends of a relationship, under the key `@ends`; a property of that name is a `body` key. */
  readonly place: "ends" | "body";
  readonly key: string;
  readonly local: Cell;
  readonly server: Cell;
  /** Undefined when no common ancestor is known. */
  readonly base: Cell | undefined;
  /** False when the ancestor's value is gone with its body, although its stamp is known. */
  readonly baseValueKnown: boolean;
  /** The device's side touched the key since the base; without a base: it ever did, as far as anybody knows. */
  readonly localChanged: boolean;
  /** The same of the head's side. */
  readonly serverChanged: boolean;
  /** Both sides say the same. */
  readonly equal: boolean;
}

/** The two sides of a divergence and their common ancestor. */
export interface Sides {
  readonly local: Side;
  readonly server: Side;
  readonly base: Side | undefined;
}

/** Every key of either side and of the base, in no particular order; the ends of a relationship come first. */
export function compareSides(sides: Sides): readonly KeyComparison[] {
  const comparisons: KeyComparison[] = [];
  const isRelationship = sides.local.content.kind === "relationship";
  if (isRelationship) comparisons.push(compareEnds(sides));
  for (const key of keysOf(sides)) {
    if (isRelationship && key === ENDS_KEY && !someBodyHas(sides, key)) continue;
    comparisons.push(compareKey(sides, key));
  }
  return comparisons;
}

/** Ends first, then by key: how people read a record. */
export function byKey(a: KeyComparison, b: KeyComparison): number {
  if (a.place !== b.place) return a.place === "ends" ? -1 : 1;
  return compareUtf8(a.key, b.key);
}

function keysOf({ local, server, base }: Sides): Set<string> {
  const keys = new Set<string>();
  for (const side of base === undefined ? [local, server] : [local, server, base]) {
    for (const key of Object.keys(side.body)) keys.add(key);
    for (const key of side.named.keys()) keys.add(key);
  }
  return keys;
}

function someBodyHas({ local, server, base }: Sides, key: string): boolean {
  return [local, server, base].some((side) => side !== undefined && Object.hasOwn(side.body, key));
}

function compareKey({ local, server, base }: Sides, key: string): KeyComparison {
  const columns = {
    local: cellOf(local, key),
    server: cellOf(server, key),
    base: base === undefined ? undefined : cellOf(base, key),
    baseValueKnown: base?.bodyKnown === true,
  };
  return comparison("body", key, columns);
}

function cellOf(side: Side, key: string): Cell {
  return { value: valueAt(side, key), stamp: stampOf(side, key) };
}

function compareEnds({ local, server, base }: Sides): KeyComparison {
  const columns = {
    local: endsCellOf(local),
    server: endsCellOf(server),
    base: base === undefined ? undefined : endsCellOf(base),
    baseValueKnown: base !== undefined,
  };
  return comparison("ends", ENDS_KEY, columns);
}

function endsCellOf(side: Side): Cell {
  return { value: side.absent ? undefined : endsOf(side.content), stamp: endsStampOf(side) };
}

function comparison(
  place: KeyComparison["place"],
  key: string,
  { local, server, base, baseValueKnown }: Pick<KeyComparison, "local" | "server" | "base" | "baseValueKnown">,
): KeyComparison {
  return {
    place,
    key,
    local,
    server,
    base,
    baseValueKnown,
    localChanged: changedSince(local, base, baseValueKnown),
    serverChanged: changedSince(server, base, baseValueKnown),
    equal: jsonEquals(local.value, server.value),
  };
}

/**
 * A key has changed when another edit than the base's was the last to touch it. Its value counts too: a key that was
 * decided by anything but last-write-wins carries the greater of both stamps, so the version that lent its stamp and the
 * merge have the same stamp and different values.
 */
function changedSince(cell: Cell, base: Cell | undefined, baseValueKnown: boolean): boolean {
  if (base === undefined) return cell.stamp !== undefined && !isUnknownStamp(cell.stamp);
  if (cell.stamp === undefined && cell.value === undefined && base.value === undefined) return false;
  if (!sameStamp(cell.stamp, base.stamp)) return true;
  return baseValueKnown && !jsonEquals(cell.value, base.value);
}

function sameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return compareStamps(a, b) === 0;
}
