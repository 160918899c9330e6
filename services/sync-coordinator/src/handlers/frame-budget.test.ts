import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { expect, it } from "vitest";
import { FrameBudget } from "./frame-budget.ts";

const [a, b, c] = [parseHouseholdId("a"), parseHouseholdId("b"), parseHouseholdId("c")];
const KB = 1024;

it("makes large frames wait for room, in their order, and gives it back once", async () => {
  const budget = new FrameBudget(100 * KB);
  const first = await budget.acquire(a, 50 * KB);
  const second = await budget.acquire(b, 50 * KB);
  const order: string[] = [];
  const noted = async (name: string) => {
    const release = await budget.acquire(a, 40 * KB);
    order.push(name);
    return release;
  };
  const third = noted("third");
  const fourth = noted("fourth");
  await Promise.resolve();
  expect(order).toEqual([]);
  first();
  first();
  (await third)();
  (await fourth)();
  expect(order).toEqual(["third", "fourth"]);
  second();
  expect(budget.usedBytes).toBe(0);
});

it("lets one household have half of it, so that another always finds room", async () => {
  const budget = new FrameBudget(100 * KB);
  await budget.acquire(a, 50 * KB);
  const more = budget.acquire(a, 20 * KB);
  let got = false;
  void more.then(() => {
    got = true;
  });
  await budget.acquire(b, 20 * KB);
  expect(got).toBe(false);
});

it("never makes small frames wait, and lets a giant go alone", async () => {
  const budget = new FrameBudget(20 * KB);
  await (async () => (await budget.acquire(a, 500 * KB))())();
  await budget.acquire(a, 20 * KB);
  await budget.acquire(a, KB);
  expect(budget.usedBytes).toBe(21 * KB);
});

it("lets households take turns when there is room again, however many frames of one wait", async () => {
  const budget = new FrameBudget(100 * KB);
  const releases = [await budget.acquire(a, 50 * KB), await budget.acquire(b, 50 * KB)];
  const order: string[] = [];
  const wait = (household: typeof a, name: string) =>
    budget.acquire(household, 30 * KB).then((release) => {
      order.push(name);
      releases.push(release);
    });
  const waiting = [..."12345"].map((count) => wait(a, `a${count}`));
  waiting.push(wait(b, "b1"), wait(c, "c1"));
  for (let count = 0; count < waiting.length + 2; count += 1) {
    releases.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(waiting);
  expect(order).toEqual(["a1", "b1", "c1", "a2", "a3", "a4", "a5"]);
});
