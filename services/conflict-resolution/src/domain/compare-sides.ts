import { ENDS_KEY } from "@funkygibbon/kernel/content";
import { type JsonValue, jsonEquals } from "@funkygibbon/kernel/json";
import { compareStamps, compareUtf8, type Stamp } from "@funkygibbon/kernel/stamp";
import { endsOf, type Side, stampOf, valueAt } from "./side.ts";

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
  /** The device's side touched the key since the base; without a base: it ever did. */
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

/** Every key of either side and of the base, ends first, then sorted: the same order whichever side is which. */
export function compareSides(sides: Sides): readonly KeyComparison[] {
  const keys = new Set<string>();
  for (const side of [sides.local, sides.server, sides.base]) {
    if (side === undefined) continue;
    for (const key of Object.keys(side.body)) keys.add(key);
    for (const key of side.stamps.keys()) keys.add(key);
  }
  const isRelationship = sides.local.content.kind === "relationship";
  if (isRelationship && !hasBodyKey(sides, ENDS_KEY)) keys.delete(ENDS_KEY);
  const comparisons = [...keys].sort(compareUtf8).map((key) => compareKey(sides, key));
  return isRelationship ? [compareEnds(sides), ...comparisons] : comparisons;
}

function hasBodyKey(sides: Sides, key: string): boolean {
  return [sides.local, sides.server, sides.base].some((side) => side !== undefined && Object.hasOwn(side.body, key));
}

function compareKey({ local, server, base }: Sides, key: string): KeyComparison {
  return comparison({
    place: "body",
    key,
    local: { value: valueAt(local, key), stamp: stampOf(local, key) },
    server: { value: valueAt(server, key), stamp: stampOf(server, key) },
    base: base === undefined ? undefined : { value: valueAt(base, key), stamp: stampOf(base, key) },
    baseValueKnown: base?.bodyKnown === true,
  });
}

function compareEnds({ local, server, base }: Sides): KeyComparison {
  const cell = (side: Side): Cell => ({ value: endsOf(side.content), stamp: stampOf(side, ENDS_KEY) });
  return comparison({
    place: "ends",
    key: ENDS_KEY,
    local: cell(local),
    server: cell(server),
    base: base === undefined ? undefined : cell(base),
    baseValueKnown: base !== undefined,
  });
}

function comparison(columns: Omit<KeyComparison, "localChanged" | "serverChanged" | "equal">): KeyComparison {
  return {
    ...columns,
    localChanged: changedSince(columns.local, columns.base, columns.baseValueKnown),
    serverChanged: changedSince(columns.server, columns.base, columns.baseValueKnown),
    equal: jsonEquals(columns.local.value, columns.server.value),
  };
}

/**
 * A key has changed when another edit than the base's was the last to touch it. Its value counts too: a key that was
 * decided by anything but last-write-wins carries the greater of both stamps, so the version that lent its stamp and the
 * merge have the same stamp and different values.
 */
function changedSince(cell: Cell, base: Cell | undefined, baseValueKnown: boolean): boolean {
  if (base === undefined) return cell.stamp !== undefined;
  if (cell.stamp === undefined && cell.value === undefined && base.value === undefined) return false;
  if (!sameStamp(cell.stamp, base.stamp)) return true;
  return baseValueKnown && !jsonEquals(cell.value, base.value);
}

function sameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return compareStamps(a, b) === 0;
}
