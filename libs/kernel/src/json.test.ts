import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, type JsonValue, jsonEquals, jsonGet, parseJsonObject, utf8Length } from "./json.ts";

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
  ])("%s is refused as %s, naming the field", (text, reason) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ reason, fields: [expect.objectContaining({ field: "body_json" })] }),
    );
  });

  it.each([
    ['{ "b" : 1.0E2, "a" : -0.0 }', '{"a":0,"b":100}'],
    ['{"a":1e21,"b":123456789012345680}', '{"a":1e+21,"b":123456789012345680}'],
    ['{"a":"\\u0000\\/"}', '{"a":"\\u0000/"}'],
    ['{"a":["{\\"x\\":1,\\"x\\":1}"]}', '{"a":["{\\"x\\":1,\\"x\\":1}"]}'],
    ['{"😀":1,"￿":2}', '{"😀":1,"￿":2}'],
  ])("%s has the canonical text %s (RFC 8785)", (text, canonical) => {
    expect(parse(text).canonical).toBe(canonical);
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

  it("counts its size in UTF-8 bytes", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => utf8Length(text) === Buffer.byteLength(text)));
  });
});
