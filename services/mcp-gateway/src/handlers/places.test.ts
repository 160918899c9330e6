import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { expect, it } from "vitest";
import { Places } from "./places.ts";

const caller = (user: string, household = "villa") => ({
  household: parseHouseholdId(household),
  user: parseUserId(user),
});

it("has so many places for each user, and gives them again when they are free", () => {
  const places = new Places(2);
  const [first, second] = [places.take(caller("ada")), places.take(caller("ada"))];
  expect(places.take(caller("ada"))).toBeUndefined();
  expect(places.take(caller("ben"))).toBeDefined();
  expect(places.take(caller("ada", "castle"))).toBeDefined();
  first?.[Symbol.dispose]();
  expect(places.take(caller("ada"))).toBeDefined();
  second?.[Symbol.dispose]();
});
