import { describe, expect, it } from "vitest";
import { areAlike, factsOf, similarity } from "./similarity.ts";

describe("similarity", () => {
  it("names the keys on which both agree and weighs values above names", () => {
    const bulb = { name: "Desk lamp", maker: "Hue", model: "LCT001", on: true };
    expect(similarity(bulb, { ...bulb, name: "Desk lamp 2" })).toMatchObject({ sharedKeys: ["maker", "model", "on"] });
    const twin = similarity(bulb, { ...bulb, name: "Hall" }).score;
    const namesake = similarity(bulb, { name: "Desk lamp", maker: "Eve" }).score;
    expect(twin).toBeGreaterThan(namesake);
    expect(similarity(bulb, bulb).score).toBe(1);
    expect(similarity({}, {})).toEqual({ score: 0, sharedKeys: [] });
  });

  it("does not count what an import remembers", () => {
    const bulb = { name: "Desk lamp", maker: "Hue" };
    const imported = { source: "homekit bridge.json", keys: { name: "3f2a90c1d4be" } };
    expect(similarity({ ...bulb, imported }, bulb)).toEqual({ score: 1, sharedKeys: ["maker"] });
  });

  it("makes facts of plain values and of the items of lists", () => {
    expect(
      factsOf({
        name: "N",
        Maker: "Hue",
        on: true,
        caps: ["dim", "dim", { a: 1 }],
        nested: { a: 1 },
        gone: null,
        imported: "x",
      }),
    ).toEqual(["maker=hue", "on=true", "caps=dim"]);
  });
});

describe("areAlike", () => {
  it.each([
    ["a value", { name: "Lamp", maker: "Hue" }, { name: "Bridge", maker: "HUE" }],
    ["an item of a list", { name: "Lamp", caps: ["dim", "color"] }, { name: "Fan", caps: ["dim"] }],
    ["most of a name", { name: "Heater 0" }, { name: "Heater 1" }],
  ])("takes %s in common", (_, a, b) => {
    expect(areAlike(a, b)).toBe(true);
    expect(areAlike(b, a)).toBe(true);
  });

  it.each([
    ["a few letters", { name: "Heater 0" }, { name: "Ceiling lamp" }],
    ["nothing", {}, {}],
    ["a note of one import", { name: "Lamp", imported: "x" }, { name: "Fan", imported: "x" }],
  ])("does not take %s", (_, a, b) => {
    expect(areAlike(a, b)).toBe(false);
  });
});
