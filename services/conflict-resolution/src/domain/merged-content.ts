import { canonicalJsonOf, isLongerThan, type JsonValue, jsonEquals } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import type { MergedContent } from "@funkygibbon/kernel/record";
import { compactStamps, compareStamps, type KeyStamps, newerStamp, type Stamp } from "@funkygibbon/kernel/stamp";
import type { DecidedKey } from "./merge-keys.ts";
import type { Side } from "./side.ts";

const NO_KEYS: ReadonlySet<string> = new Set();

/** The content of the version that these decisions make, with the stamps of all its keys, removed ones too. */
export function mergedContent(decided: readonly DecidedKey[], deleted: boolean): MergedContent {
  return {
    bodyJson: deleted ? undefined : canonicalJsonOf(entriesOf(decided)),
    ends: endsSide(decided),
    deleted,
    stamps: stampsOf(decided),
  };
}

/** Whether the merge of two bodies, each within the limit, is beyond it (contracts.md, Commit). */
export function exceedsBodyLimit({ bodyJson }: MergedContent): boolean {
  return bodyJson !== undefined && isLongerThan(BODY_LIMITS.maxBytes, bodyJson);
}

/** Whether the head says all of this already, down to the stamps: then another version would say nothing new. */
export function saysTheSame(head: Side, decided: readonly DecidedKey[], deleted: boolean): boolean {
  if (head.deleted !== deleted) return false;
  return decided.every(
    ({ comparison: { server }, value, stamp }) => jsonEquals(value, server.value) && sameStamp(stamp, server.stamp),
  );
}

function sameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareStamps(a, b) === 0;
}

function entriesOf(decided: readonly DecidedKey[]): [string, JsonValue][] {
  const entries: [string, JsonValue][] = [];
  for (const { comparison, value } of decided) {
    if (comparison.place === "body" && value !== undefined) entries.push([comparison.key, value]);
  }
  return entries;
}

/** From which parent the type and the ends come; the head's for an entity, which has none. */
function endsSide(decided: readonly DecidedKey[]): MergedContent["ends"] {
  const ends = decided.find(({ comparison }) => comparison.place === "ends");
  if (ends === undefined || jsonEquals(ends.value, ends.comparison.server.value)) return "server";
  return "local";
}

/** Every key is named: the merge has a stamp of its own, which no key carries. */
function stampsOf(decided: readonly DecidedKey[]): KeyStamps {
  const stamps = new Map<string, Stamp>();
  for (const { comparison, stamp } of decided) {
    if (stamp === undefined) continue;
    const other = stamps.get(comparison.key);
    stamps.set(comparison.key, other === undefined ? stamp : newerStamp(other, stamp));
  }
  const [anyStamp] = stamps.values();
  return anyStamp === undefined ? [] : compactStamps(stamps, NO_KEYS, anyStamp);
}
