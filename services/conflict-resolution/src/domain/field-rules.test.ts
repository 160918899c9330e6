import { FIELD_RULES } from "@funkygibbon/kernel/conflict-policy";
import type { JsonValue } from "@funkygibbon/kernel/json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RUNS, SOAK_TIMEOUT_MS, value } from "../../test/arbitraries.ts";
import { applyFieldRule } from "./field-rules.ts";
import { mergeSets } from "./set-merge.ts";

const decide = (
  rule: (typeof FIELD_RULES)[number],
  local: JsonValue | undefined,
  server: JsonValue | undefined,
  base?: JsonValue,
) => applyFieldRule(rule, { local, server, base, baseKnown: true })?.value;

describe("set-merge", () => {
  it("takes in what either side added and leaves out what either side removed", () => {
    expect(decide("set-merge", ["dim", "color", "scene"], ["dim", "timer"], ["dim", "color"])).toEqual([
      "dim",
      "scene",
      "timer",
    ]);
  });

  it("unites both sides when the base does not have the key", () => {
    expect(decide("set-merge", ["color"], ["dim", "color"])).toEqual(["color", "dim"]);
  });

  it("sorts and drops repetitions: null, booleans, numbers by value, texts by code point, the rest by its text", () => {
    const mixed: JsonValue[] = ["b", 10, { b: 1, a: 2 }, "a", true, 9, null, [2], "a!", "😀", "\uffff", false];
    expect(mergeSets(mixed, [...mixed, { a: 2, b: 1 }], [])).toEqual([
      ...[null, false, true, 9, 10, "a", "a!", "b", "\uffff", "😀"],
      ...[[2], { b: 1, a: 2 }],
    ]);
  });

  it("leaves other values, and a base whose body is gone, to the greater stamp", () => {
    expect(decide("set-merge", "color", ["dim"])).toBeUndefined();
    expect(decide("set-merge", undefined, ["dim"])).toBeUndefined();
    const gone = { local: ["a"], server: ["b"], base: undefined, baseKnown: false };
    expect(applyFieldRule("set-merge", gone)).toBeUndefined();
  });

  const set = fc.array(value, { maxLength: 8 });

  it("is idempotent and symmetric for any sets", { timeout: SOAK_TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(set, set, set, (local, server, base) => {
        const merged = mergeSets(local, server, base);
        expect(mergeSets(server, local, base)).toEqual(merged);
        expect(mergeSets(merged, merged, base)).toEqual(merged);
        expect(mergeSets(merged, server, base)).toEqual(merged);
        expect(mergeSets(merged, local, base)).toEqual(merged);
      }),
      { numRuns: RUNS },
    );
  });

  it("does not mind the order in which three sides arrive", { timeout: SOAK_TIMEOUT_MS }, () => {
    fc.assert(
      fc.property(set, set, set, set, (first, second, third, base) => {
        const merged = mergeSets(mergeSets(first, second, base), third, base);
        expect(mergeSets(mergeSets(third, first, base), second, base)).toEqual(merged);
        expect(mergeSets(mergeSets(second, third, base), first, base)).toEqual(merged);
      }),
      { numRuns: RUNS },
    );
  });

  it("merges ten thousand elements", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `capability-${index}`);
    expect(mergeSets(many, many.slice(1), many.slice(0, -1))).toHaveLength(9_999);
  });
});

describe("longer", () => {
  it("takes the text with more code points, whatever their size in bytes", () => {
    expect(decide("longer", "Lamp", "Ceiling lamp")).toBe("Ceiling lamp");
    expect(decide("longer", "👩‍👩‍👧", "abcdef")).toBe("abcdef");
    expect(decide("longer", "🐒🐒🐒", "abcd")).toBe("abcd");
  });

  it("leaves ties and other values to the greater stamp", () => {
    expect(decide("longer", "ab", "cd")).toBeUndefined();
    expect(decide("longer", "ab", undefined)).toBeUndefined();
    expect(decide("longer", ["a", "b"], "c")).toBeUndefined();
  });
});

describe("true-if-either", () => {
  it("says true for a flag that is new on both sides", () => {
    expect(decide("true-if-either", false, true)).toBe(true);
  });

  it("lets a flag be switched off: with a base the greater stamp decides", () => {
    expect(decide("true-if-either", false, true, true)).toBeUndefined();
    expect(decide("true-if-either", false, true, false)).toBeUndefined();
  });

  it("leaves values that are no booleans to the greater stamp", () => {
    expect(decide("true-if-either", 1, true)).toBeUndefined();
  });
});

describe("every field rule", () => {
  it.each(FIELD_RULES)("%s is symmetric", { timeout: SOAK_TIMEOUT_MS }, (rule) => {
    const maybe = fc.option(value, { nil: undefined });
    fc.assert(
      fc.property(maybe, maybe, maybe, fc.boolean(), (local, server, base, baseKnown) => {
        expect(applyFieldRule(rule, { local: server, server: local, base, baseKnown })).toEqual(
          applyFieldRule(rule, { local, server, base, baseKnown }),
        );
      }),
      { numRuns: RUNS },
    );
  });
});
