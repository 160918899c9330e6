import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { expect, it } from "vitest";
import { SharedBudget } from "./shared-budget.ts";

/** Takes one after another for each of these households in turn until none may take more; what each has then. */
function shares(total: number, households: readonly string[]): number[] {
  const budget = new SharedBudget(total);
  const had = households.map(() => 0);
  for (let taken = true; taken; ) {
    taken = false;
    for (const [index, name] of households.entries()) {
      const household = parseHouseholdId(name);
      if (!budget.mayTake(household, 1)) continue;
      budget.take(household, 1);
      had[index] = (had[index] ?? 0) + 1;
      taken = true;
    }
  }
  return had;
}

it("leaves as much free as any household has, so that the next one finds room", () => {
  expect(shares(60, ["a"])).toEqual([30]);
  expect(shares(60, ["a", "b"])).toEqual([20, 20]);
  expect(shares(60, ["a", "b", "c", "d"])).toEqual([12, 12, 12, 12]);
});

it("never gives more than there is, but lets a giant have it alone", () => {
  const [a, b] = [parseHouseholdId("a"), parseHouseholdId("b")];
  const budget = new SharedBudget(10);
  expect(budget.mayTake(a, 50)).toBe(true);
  budget.take(a, 50);
  expect(budget.mayTake(b, 1)).toBe(false);
  budget.giveBack(a, 50);
  budget.take(a, 4);
  expect(budget.mayTake(b, 6)).toBe(true);
  expect(budget.mayTake(b, 7)).toBe(false);
  expect(budget.used).toBe(4);
});
