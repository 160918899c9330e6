import type { JsonObject, JsonValue } from "@funkygibbon/kernel/json";
import { describe, expect, it } from "vitest";
import { buildDivergence, buildVersion } from "../../test/build-version.ts";
import { resolveDivergence } from "./resolve-divergence.ts";

const base = buildVersion({ device: "panel", at: 0, body: {} });
const resolve = (local: JsonObject, server: JsonObject) =>
  resolveDivergence(
    buildDivergence({
      local: buildVersion({ device: "ada-phone", at: 20, body: local, parents: [base] }),
      server: buildVersion({ device: "bob-phone", at: 10, body: server, parents: [base] }),
      base,
    }),
  );

function bodyAfter(local: JsonObject, server: JsonObject): string {
  const { decision } = resolve(local, server);
  if (decision.kind !== "merged") throw new Error(`expected a merge, got ${decision.kind}`);
  return decision.content.bodyJson ?? "";
}

describe("resolving hostile content", () => {
  it("treats keys with the names of prototypes as keys, and changes no prototype", () => {
    const local = JSON.parse('{"__proto__":{"polluted":1},"constructor":"a","hasOwnProperty":true}');
    const server = JSON.parse('{"toString":"b","constructor":"c"}');
    expect(bodyAfter(local, server)).toBe(
      '{"__proto__":{"polluted":1},"constructor":"a","hasOwnProperty":true,"toString":"b"}',
    );
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  it("keeps apart keys that only look the same", () => {
    const [composed, decomposed] = ["é", "e\u0301"];
    expect(JSON.parse(bodyAfter({ [composed]: 1 }, { [decomposed]: 2 }))).toEqual({ [composed]: 1, [decomposed]: 2 });
  });

  it("keeps zero bytes, right-to-left marks and characters beyond the basic plane", () => {
    const odd = { "\u0000": "\u0000", "\u202e": "‮abc", 𝒳: "𒀱" };
    expect(JSON.parse(bodyAfter(odd, { plain: 1 }))).toEqual({ ...odd, plain: 1 });
  });

  it("keeps numbers at the ends of what a double holds", () => {
    const numbers = { tiny: 5e-324, huge: 1.7976931348623157e308, whole: 9007199254740991, minus: -0.5 };
    expect(JSON.parse(bodyAfter(numbers, { other: 1 }))).toEqual({ ...numbers, other: 1 });
  });

  it("knows null, an empty text, an empty list, an empty object and a missing key apart", () => {
    const local = { a: null, b: "", c: [], d: {} };
    expect(bodyAfter(local, { a: 0, b: 0, c: 0, d: 0, e: null })).toBe('{"a":null,"b":"","c":[],"d":{},"e":null}');
  });

  it("lets a merge of two bodies that would exceed the limit wait for a person", () => {
    const { decision, conflict } = resolve({ a: "x".repeat(40_000) }, { b: "y".repeat(40_000) });
    expect(decision.kind).toBe("pending");
    expect(conflict).toMatchObject({
      type: "version_mismatch",
      strategy: "manual",
      decision: "open",
      fields: [{ field: "a", rule: "too-large", decidedJson: undefined }],
    });
  });

  it("counts the limit in bytes, not in characters", () => {
    expect(resolve({ a: "é".repeat(20_000) }, { b: "é".repeat(10_000) }).decision.kind).toBe("merged");
    expect(resolve({ a: "é".repeat(20_000) }, { b: "é".repeat(20_000) }).decision.kind).toBe("pending");
  });

  it("merges bodies with thousands of keys, and values as deep as they may be", () => {
    const deep = (levels: number): JsonValue => (levels === 0 ? "bottom" : { deeper: deep(levels - 1) });
    const keys = (from: number) =>
      Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`k${index + from}`, index]));
    const merged = JSON.parse(bodyAfter({ ...keys(0), deep: deep(30) }, { ...keys(1_000), deep: deep(29) }));
    expect(Object.keys(merged)).toHaveLength(4_001);
    expect(merged.deep).toEqual(deep(30));
  });

  it("uses the stamps of a base whose body retention has removed", () => {
    const gone = buildVersion({ device: "panel", at: 0, body: null, bodyRemoved: true });
    const stamp = { effectiveUs: gone.effectiveUs, device: gone.device, sequence: gone.sequence };
    const local = buildVersion({
      device: "ada-phone",
      at: 20,
      body: { name: "Lamp", capabilities: ["a"], color: "red" },
      stamps: [{ stamp, keys: ["name"] }],
    });
    const server = buildVersion({
      device: "bob-phone",
      at: 30,
      body: { name: "Ceiling lamp", capabilities: ["b"], color: "red" },
      stamps: [{ stamp, keys: ["color"] }],
    });
    const { decision, conflict } = resolveDivergence(buildDivergence({ local, server, base: gone }));
    // Only the head changed the name; both changed the set, and without the base's set the later edit stands.
    expect(decision).toMatchObject({
      kind: "merged",
      content: { bodyJson: '{"capabilities":["b"],"color":"red","name":"Ceiling lamp"}' },
    });
    expect(conflict?.fields).toEqual([
      {
        field: "capabilities",
        localJson: '["a"]',
        serverJson: '["b"]',
        baseJson: undefined,
        decidedJson: '["b"]',
        rule: "last-write-wins",
      },
    ]);
  });

  it("gives a key that a rule decided the greater of both stamps, so that an older edit cannot undo it", () => {
    const { decision } = resolve({ name: "Lamp" }, { name: "The lamp by the window" });
    expect(decision).toMatchObject({
      kind: "merged",
      content: {
        bodyJson: '{"name":"The lamp by the window"}',
        stamps: [{ stamp: { device: "ada-phone", sequence: 20 }, keys: ["name"] }],
      },
    });
  });
});
