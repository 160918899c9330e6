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
});
