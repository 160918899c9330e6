import { canonicalJson, type JsonValue } from "@funkygibbon/kernel/json";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";

/** A set as it stands in a body. */
export type JsonSet = readonly JsonValue[];

/**
 * Three-way merge of sets: what either side added is in, what either side removed is out. Elements are equal when
 * their canonical JSON is. The result is sorted and free of repetition, so the same sets give the same text whichever
 * side came first. `base` is `[]` when the base does not have the key.
 */
export function mergeSets(local: JsonSet, server: JsonSet, base: JsonSet): JsonSet {
  const left = byText(local);
  const right = byText(server);
  const before = byText(base);
  const merged: [string, JsonValue][] = [];
  for (const [text, element] of new Map([...left, ...right])) {
    if (!before.has(text) || (left.has(text) && right.has(text))) merged.push([text, element]);
  }
  return merged.sort(compareElements).map(([, element]) => element);
}

function byText(set: JsonSet): Map<string, JsonValue> {
  return new Map(set.map((element) => [canonicalJson(element), element]));
}

/** Null, booleans, numbers by value, texts by code point, then lists and objects by their canonical text. */
function compareElements([leftText, left]: [string, JsonValue], [rightText, right]: [string, JsonValue]): number {
  const byKind = rank(left) - rank(right);
  if (byKind !== 0) return byKind;
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string") return compareUtf8(left, right);
  return compareUtf8(leftText, rightText);
}

function rank(value: JsonValue): number {
  if (value === null) return 0;
  switch (typeof value) {
    case "boolean":
      return 1;
    case "number":
      return 2;
    case "string":
      return 3;
    default:
      return 4;
  }
}
