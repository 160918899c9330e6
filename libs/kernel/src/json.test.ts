import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalJson,
  canonicalJsonOf,
  type JsonValue,
  jsonEquals,
  jsonGet,
  parseJsonObject,
  readJsonObject,
  utf8Length,
} from "./json.ts";

const limits = { maxBytes: 60, maxDepth: 4 };
const parse = (text: string) => parseJsonObject(text, limits, "body_json");

describe("a body", () => {
  it.each([
    ["{", "INVALID_JSON"],
    ["", "INVALID_JSON"],
    ["[]", "NOT_AN_OBJECT"],
    ["null", "NOT_AN_OBJECT"],
    ['"text"', "NOT_AN_OBJECT"],
    ['{"a":1,"a":1}', "DUPLICATE_KEY"],
    ['{"a":1,"\\u0061":2}', "DUPLICATE_KEY"],
    ['{"a":[{"b":1,"c":{},"b":2}]}', "DUPLICATE_KEY"],
    ['{"a":"\\ud800"}', "LONE_SURROGATE"],
    ['{"\\udc00":1}', "LONE_SURROGATE"],
    ['{"a":12345678901234567890}', "NUMBER_PRECISION"],
    ['{"a":1e400}', "NUMBER_PRECISION"],
    ['{"a":0.30000000000000001}', "NUMBER_PRECISION"],
    ['{"a":NaN}', "INVALID_JSON"],
    ['{"a":{"b":{"c":{"d":{}}}}}', "TOO_DEEP"],
    [`{"a":"${"x".repeat(60)}"}`, "BODY_TOO_LARGE"],
    [`{"a":"${"€".repeat(20)}"}`, "BODY_TOO_LARGE"],
    // Short as it is written, and 100 digits long in the canonical text that a merge writes.
    ['{"a":[1e20,1e20,1e20,1e20,1e20]}', "BODY_TOO_LARGE"],
  ])("%s is refused as %s, naming the field", (text, reason) => {
    const refusal = expect.objectContaining({ reason, fields: [expect.objectContaining({ field: "body_json" })] });
    expect(() => parse(text)).toThrow(refusal);
    // Whoever does not need the canonical text refuses the same, but for what is only too long in it.
    const onlyInCanonicalForm = reason === "BODY_TOO_LARGE" && Buffer.byteLength(text) <= limits.maxBytes;
    if (onlyInCanonicalForm) expect(readJsonObject(text, limits, "body_json")).toEqual(JSON.parse(text));
    else expect(() => readJsonObject(text, limits, "body_json")).toThrow(refusal);
  });

  it.each([
    ['{ "b" : 1.0E2, "a" : -0.0 }', '{"a":0,"b":100}'],
    ['{"a":1e21,"b":123456789012345680}', '{"a":1e+21,"b":123456789012345680}'],
    ['{"a":"\\u0000\\/"}', '{"a":"\\u0000/"}'],
    ['{"a":["{\\"x\\":1,\\"x\\":1}"]}', '{"a":["{\\"x\\":1,\\"x\\":1}"]}'],
    ['{"😀":1,"￿":2}', '{"😀":1,"￿":2}'],
  ])("%s has the canonical text %s (RFC 8785)", (text, canonical) => {
    expect(parse(text).canonical).toBe(canonical);
    expect(canonicalJson(readJsonObject(text, limits, "body_json"))).toBe(canonical);
  });

  it("quotes a key and a number only in part, because errors travel where there is little room", () => {
    const wide = { maxBytes: 100_000, maxDepth: 4 };
    const key = "k".repeat(30_000);
    for (const text of [`{"${key}":1,"${key}":2}`, `{"a":1.${"2".repeat(60_000)}}`]) {
      expect(() => parseJsonObject(text, wide, "body_json")).toThrow(
        expect.objectContaining({ message: expect.stringMatching(/^.{1,200}$/) }),
      );
    }
  });

  it("reads a number of half a million digits at once: looking for its zeros takes no time by the square of their number", () => {
    const wide = { maxBytes: 1_000_000, maxDepth: 4 };
    // By the square, this would take minutes.
    expect(() => parseJsonObject(`{"a":1.${"0".repeat(500_000)}1}`, wide, "body_json")).toThrow(
      expect.objectContaining({ reason: "NUMBER_PRECISION" }),
    );
  });

  it("treats __proto__ and constructor as keys like any other", () => {
    const { value, canonical } = parse('{"__proto__":{"polluted":true},"constructor":1}');
    expect(jsonGet(value, "__proto__")).toEqual({ polluted: true });
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(canonical).toBe('{"__proto__":{"polluted":true},"constructor":1}');
  });

  it("is canonical independently of key order and white space", () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })) as fc.Arbitrary<Record<string, JsonValue>>;
    fc.assert(
      fc.property(object, (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
        expect(jsonEquals(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)))).toBe(true);
      }),
    );
  });

  it("is the same whether it is written of an object or of its entries, in whatever order", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string({ unit: "grapheme" }), fc.jsonValue({ maxDepth: 2 })), {
      selector: ([key]) => key,
    }) as fc.Arbitrary<[string, JsonValue][]>;
    fc.assert(
      fc.property(entries, (written) => {
        expect(canonicalJsonOf(written)).toBe(canonicalJson(Object.fromEntries(written)));
        const sorted = written.toSorted(([a], [b]) => (a < b ? -1 : 1));
        expect(canonicalJsonOf(sorted)).toBe(canonicalJson(Object.fromEntries(written)));
      }),
    );
    expect(canonicalJsonOf([["__proto__", -0]])).toBe('{"__proto__":0}');
    expect(canonicalJsonOf([])).toBe("{}");
  });

  it("counts its size in UTF-8 bytes", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => utf8Length(text) === Buffer.byteLength(text)));
  });
});
