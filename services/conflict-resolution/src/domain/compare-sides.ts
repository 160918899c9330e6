import { ENDS_KEY } from "@funkygibbon/kernel/content";
import { type JsonValue, jsonEquals } from "@funkygibbon/kernel/json";
import { compareStamps, isUnknownStamp, type Stamp, sortKeys } from "@funkygibbon/kernel/stamp";
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

/** Every key of either side and of the base: the ends of a relationship first, then by name, as people read a record. */
export function compareSides(sides: Sides): readonly KeyComparison[] {
  const isRelationship = sides.local.content.kind === "relationship";
  const comparisons = isRelationship ? [compareEnds(sides)] : [];
  for (const key of keysOf(sides)) comparisons.push(compareKey(sides, key));
  return comparisons;
}

/** Keys that a body has, then those that only stamps remember. */
function keysOf(sides: Sides): readonly string[] {
  const { local, server, base } = sides;
  const keys = Object.keys(server.body);
  for (const key of Object.keys(local.body)) if (!Object.hasOwn(server.body, key)) keys.push(key);
  if (base !== undefined) {
    for (const key of Object.keys(base.body)) {
      if (!Object.hasOwn(server.body, key) && !Object.hasOwn(local.body, key)) keys.push(key);
    }
  }
  keys.push(...removedKeys(sides));
  return sortKeys(keys);
}

function removedKeys({ local, server, base }: Sides): Iterable<string> {
  let removed: Set<string> | undefined;
  for (const side of [server, local, base]) {
    if (side === undefined) continue;
    for (const key of side.named.keys()) {
      const stands =
        Object.hasOwn(server.body, key) ||
        Object.hasOwn(local.body, key) ||
        (base !== undefined && Object.hasOwn(base.body, key)) ||
        (key === ENDS_KEY && side.content.kind === "relationship");
      if (!stands) removed = (removed ?? new Set()).add(key);
    }
  }
  return removed ?? NO_KEYS;
}

const NO_KEYS: readonly string[] = [];

function compareKey(sides: Sides, key: string): KeyComparison {
  const local = cellOf(sides.local, key);
  const server = cellOf(sides.server, key);
  const base = sides.base && cellOf(sides.base, key);
  const baseValueKnown = sides.base?.bodyKnown === true;
  return {
    place: "body",
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

function cellOf(side: Side, key: string): Cell {
  return { value: valueAt(side, key), stamp: stampOf(side, key) };
}

function compareEnds(sides: Sides): KeyComparison {
  const local = endsCellOf(sides.local);
  const server = endsCellOf(sides.server);
  const base = sides.base && endsCellOf(sides.base);
  return {
    place: "ends",
    key: ENDS_KEY,
    local,
    server,
    base,
    baseValueKnown: base !== undefined,
    localChanged: changedSince(local, base, true),
    serverChanged: changedSince(server, base, true),
    equal: jsonEquals(local.value, server.value),
  };
}

function endsCellOf(side: Side): Cell {
  return { value: side.absent ? undefined : endsOf(side.content), stamp: endsStampOf(side) };
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
