import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { jsonObject } from "@funkygibbon/kernel/json";
import type { Strategy } from "@funkygibbon/kernel/record";
import fc from "fast-check";
import type { TestEnds } from "./build-version.ts";

/** Keys that no field rule names, hostile ones among them. */
export const PLAIN_KEYS = ["brightness", "note", "__proto__", "constructor", "@ends", "ключ", "🐒", ""] as const;
/** Keys with a built-in rule. */
export const RULED_KEYS = ["capabilities", "is_active", "name"] as const;

/** Runs of a property: 500 in `npm test`, 10,000 in `npm run soak`. */
export const RUNS = Number(process.env.SOAK ?? 500);

/** How long a property may take in the soak. */
export const SOAK_TIMEOUT_MS = 60_000;

const TEXTS = ["on", "no", "🐒🐒", "off", "é", "👩‍👩‍👧"];
const ELEMENTS: readonly JsonValue[] = ["dim", "color", "on_off", 1, true];

/** Values of few kinds and sizes, so that two sides often say the same. */
export const value: fc.Arbitrary<JsonValue> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<JsonValue>(null, true, false, 0, 1, ...TEXTS) },
  { weight: 3, arbitrary: fc.array(fc.constantFrom(...ELEMENTS), { maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom<JsonValue>({ a: 1 }, { a: 1, b: [2] }, { b: [2], a: 1 }, {}) },
);

/** What the rule of a key fits; two texts of one length in code points are not rare. */
const fitting: Readonly<Record<string, fc.Arbitrary<JsonValue>>> = {
  capabilities: fc.array(fc.constantFrom(...ELEMENTS), { maxLength: 4 }),
  is_active: fc.boolean(),
  name: fc.constantFrom(...TEXTS),
};

/** A key and a value for it, mostly one that its rule fits. */
function entry(keys: readonly string[]): fc.Arbitrary<[string, JsonValue]> {
  return fc.oneof(
    ...keys.map((key) => {
      const fits = Object.hasOwn(fitting, key) ? fitting[key] : undefined;
      const any = { weight: 1, arbitrary: fc.tuple(fc.constant(key), value) };
      return fits === undefined
        ? any
        : { weight: 3, arbitrary: fc.oneof(any, { weight: 3, arbitrary: fc.tuple(fc.constant(key), fits) }) };
    }),
  );
}

/** A body over these keys. */
export function body(keys: readonly string[]): fc.Arbitrary<JsonObject> {
  return fc.array(entry(keys), { maxLength: 6 }).map((entries) => jsonObject(new Map(entries)));
}

/** What an edit does to some keys: a value sets, undefined removes. */
export type Patch = ReadonlyMap<string, JsonValue | undefined>;

/** An edit of up to four of these keys. */
export function patch(keys: readonly string[]): fc.Arbitrary<Patch> {
  return fc
    .array(fc.tuple(entry(keys), fc.option(fc.constant("sets"), { nil: "removes" })), { minLength: 1, maxLength: 4 })
    .map((edits) => new Map(edits.map(([[key, next], does]) => [key, does === "sets" ? next : undefined])));
}

/** The body after the edit. */
export function applyPatch(before: JsonObject, edit: Patch): JsonObject {
  const after = new Map<string, JsonValue>(Object.entries(before));
  for (const [key, next] of edit) {
    if (next === undefined) after.delete(key);
    else after.set(key, next);
  }
  return jsonObject(after);
}

/** Seconds; few enough that two devices often share one. */
export const time = fc.integer({ min: 1, max: 6 });

/** One of the four strategies, or none. */
export const wish = fc.constantFrom<Strategy | undefined>(
  "accept_local",
  "accept_server",
  "merge",
  "manual",
  undefined,
);

/** Ends of an edge among three rooms. */
export const ends: fc.Arbitrary<TestEnds> = fc.record({
  type: fc.constantFrom("located_in", "part_of"),
  from: fc.constant(1),
  to: fc.integer({ min: 2, max: 4 }),
});
