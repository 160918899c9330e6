import { jsonObject } from "@funkygibbon/kernel/json";
import { describe, expect, it } from "vitest";
import { applyMask, entityMask, relationshipMask } from "./field-mask.ts";

describe("applyMask", () => {
  const current = { name: "Lamp", on: true, level: 3 };

  it("replaces the whole body without a mask", () => {
    expect(applyMask(current, {}, entityMask([]))).toEqual({});
  });

  it("changes the named keys alone and ignores what else was given", () => {
    expect(applyMask(current, { name: "Desk lamp", level: 9 }, ["name"])).toEqual({
      name: "Desk lamp",
      on: true,
      level: 3,
    });
  });

  it("removes a named key that is absent from the given body", () => {
    expect(applyMask(current, {}, ["on"])).toEqual({ name: "Lamp", level: 3 });
  });

  it("keeps null apart from absent", () => {
    expect(applyMask(current, { on: null }, ["on"])).toEqual({ name: "Lamp", on: null, level: 3 });
  });

  it("treats prototype-named keys as keys", () => {
    const masked = applyMask(current, jsonObject([["__proto__", 1]]), ["__proto__", "constructor"]);
    expect(Object.keys(masked)).toEqual(["name", "on", "level", "__proto__"]);
  });

  it("takes a dotted path as a whole key, and refuses one that means to reach inside a value", () => {
    expect(applyMask({ "a.b": 1 }, { "a.b": 2 }, ["a.b"])).toEqual({ "a.b": 2 });
    expect(() => applyMask({ a: { b: 1 } }, { a: { b: 2 } }, ["a.b"])).toThrow(/update_mask.*top-level/);
  });
});

describe("relationshipMask", () => {
  it("replaces the properties alone when it is empty", () => {
    expect(relationshipMask([])).toEqual({ type: false, from: false, to: false, keys: undefined });
  });

  it("touches no property when it names only type and ends", () => {
    expect(relationshipMask(["type", "from_id", "to_id"])).toEqual({ type: true, from: true, to: true, keys: [] });
  });

  it("names properties by their key", () => {
    expect(relationshipMask(["properties.port", "properties.port", "properties.a.b"])).toEqual({
      type: false,
      from: false,
      to: false,
      keys: ["port", "a.b"],
    });
  });

  it("refuses anything else by name", () => {
    expect(() => relationshipMask(["to_id", "colour", "properties"])).toThrow(/"colour".*"properties"/s);
  });
});
