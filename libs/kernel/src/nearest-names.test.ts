import { expect, it } from "vitest";
import { nearestNames, sameName } from "./nearest-names.ts";

const near = (wanted: string, names: readonly string[]) =>
  nearestNames(wanted, names, { nameOf: (name) => name, limit: 3 });

it("puts the best match first and leaves out what has nothing in common", () => {
  expect(near("Kichen", ["Bathroom", "Kitchen", "Kitchenette", "Garage"])).toEqual(["Kitchen", "Kitchenette"]);
});

it("finds a name inside a longer one", () => {
  expect(near("lamp", ["Fridge", "Big ceiling lamp over the table"])).toEqual(["Big ceiling lamp over the table"]);
});

it("finds what was typed wrong, in any order of the words, and values of arguments", () => {
  expect(near("lmap ceilng", ["Floor lamp", "Ceiling lamp"])).toEqual(["Ceiling lamp"]);
  expect(near("Devices", ["device", "door", "note"])).toEqual(["device"]);
  expect(near("locatedin", ["located_in", "part_of"])).toEqual(["located_in"]);
});

it("finds nothing for an empty name", () => {
  expect(near("", ["Kitchen"])).toEqual([]);
});

it("takes names for the same in any case, accent, width and spacing", () => {
  expect(sameName("Küche", "  kuche ")).toBe(true);
  expect(sameName("Living-Room", "living room")).toBe(true);
  expect(sameName("Kitchen", "Kitchen 2")).toBe(false);
});

it("tells names without letters apart", () => {
  expect(sameName("💡", "🔌")).toBe(false);
  expect(sameName("💡", "💡")).toBe(true);
  expect(sameName("", " ")).toBe(false);
});
