import { expect, it } from "vitest";
import { OwnVersions } from "./own-versions.ts";

it("remembers exactly what was answered, as long as it comes in runs", () => {
  const own = new OwnVersions();
  for (const sequence of [1, 2, 3, 7, 8, 20, 2]) own.add(sequence);
  const known = Array.from({ length: 25 }, (_, sequence) => sequence).filter((sequence) => own.has(sequence));
  expect(known).toEqual([1, 2, 3, 7, 8, 20]);
});

it("forgets the oldest runs of a device that jumps about, so that its memory is bounded", () => {
  const own = new OwnVersions();
  for (let sequence = 0; sequence < 10_000; sequence += 2) own.add(sequence);
  expect(own.has(0)).toBe(false);
  expect(own.has(9_998)).toBe(true);
  expect(own.has(9_997)).toBe(false);
});
