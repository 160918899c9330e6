import { jsonObject } from "@funkygibbon/kernel/json";
import { describe, expect, it } from "vitest";
import { bodyChange, entityMask, relationshipMask } from "./field-mask.ts";

describe("bodyChange", () => {
  it("replaces the whole body without a mask", () => {
    expect(bodyChange({}, entityMask([]))).toEqual({ kind: "replace", body: {} });
  });

  it("sets the named keys alone and ignores what else was given", () => {
    expect(bodyChange({ name: "Desk lamp", level: 9 }, entityMask(["name", "name"]))).toEqual({
      kind: "patch",
      set: { name: "Desk lamp" },
      remove: [],
    });
  });

  it("removes a named key that is absent from the given body, and keeps null apart from absent", () => {
    expect(bodyChange({ off: null }, ["on", "off"])).toEqual({ kind: "patch", set: { off: null }, remove: ["on"] });
  });

  it("treats prototype-named keys as keys", () => {
    const change = bodyChange(jsonObject([["__proto__", 1]]), ["__proto__", "constructor"]);
    expect(change).toMatchObject({ remove: ["constructor"] });
    expect(change.kind === "patch" && Object.entries(change.set)).toEqual([["__proto__", 1]]);
  });

  it("takes a dotted path as a whole key, and refuses one that means to reach inside a value", () => {
    expect(bodyChange({ "a.b": 2 }, ["a.b", "c.d"])).toMatchObject({ set: { "a.b": 2 }, remove: ["c.d"] });
    expect(() => bodyChange({ a: { b: 2 } }, ["a.b"])).toThrow(/update_mask.*name "a"/);
    expect(() => bodyChange({}, [""])).toThrow(/update_mask/);
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
    expect(relationshipMask(["properties.port", "properties.a.b"])).toMatchObject({ keys: ["port", "a.b"] });
  });

  it("refuses anything else by name", () => {
    expect(() => relationshipMask(["to_id", "colour", "properties"])).toThrow(/"colour".*"properties"/s);
  });
});
