import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { expect, it } from "vitest";
import { FairLines } from "./fair-lines.ts";

const [a, b, c] = [parseHouseholdId("a"), parseHouseholdId("b"), parseHouseholdId("c")];
const any = () => true;

it("lets households take turns, however long the line of one is", () => {
  const lines = new FairLines<string>();
  for (let count = 1; count <= 5; count += 1) lines.add(a, `a${count}`);
  lines.add(b, "b1");
  lines.add(b, "b2");
  lines.add(c, "c1");
  const order = Array.from({ length: 9 }, () => lines.take(any));
  expect(order).toEqual(["a1", "b1", "c1", "a2", "b2", "a3", "a4", "a5", undefined]);
});

it("passes over a household whose first may not go, and keeps its turn; nobody overtakes within a household", () => {
  const lines = new FairLines<string>();
  for (const item of ["a1", "a2"]) lines.add(a, item);
  for (const item of ["b1", "b2"]) lines.add(b, item);
  const unlessA1 = (_household: unknown, item: string) => item !== "a1";
  expect([lines.take(unlessA1), lines.take(unlessA1), lines.take(unlessA1)]).toEqual(["b1", "b2", undefined]);
  lines.add(b, "b3");
  expect([lines.take(any), lines.take(any), lines.take(any)]).toEqual(["a1", "b3", "a2"]);
});
