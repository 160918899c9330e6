import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { expect, test } from "vitest";
import { PublishedStretches } from "./published-stretches.ts";

const household = "h" as HouseholdId;
const stretch = (fromSeq: number, toSeq: number) => ({ household, fromSeq, toSeq });

test("stretches are joined into one when they follow each other", () => {
  const published = new PublishedStretches();
  published.begin(stretch(1, 3)).done();
  published.begin(stretch(4, 4)).done();
  expect(published.takeFinished()).toEqual([stretch(1, 4)]);
  expect(published.takeFinished()).toEqual([]);
});

test("an acknowledgement that overtakes waits for the one before it", () => {
  const published = new PublishedStretches();
  const first = published.begin(stretch(1, 1));
  const second = published.begin(stretch(2, 2));
  second.done();
  expect(published.takeFinished()).toEqual([]);
  first.done();
  expect(published.takeFinished()).toEqual([stretch(1, 2)]);
});

test("what comes after a failed one begins a stretch of its own, which the position cannot join", () => {
  const published = new PublishedStretches();
  const failed = published.begin(stretch(1, 1));
  published.begin(stretch(2, 2)).done();
  failed.failed();
  expect(published.takeFinished()).toEqual([stretch(2, 2)]);
});
