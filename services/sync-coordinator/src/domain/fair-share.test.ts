import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { expect, test, vi } from "vitest";
import { FairShare } from "./fair-share.ts";

const ours = parseHouseholdId("018f0000-0000-7000-8000-00000000000a");
const theirs = parseHouseholdId("018f0000-0000-7000-8000-00000000000b");
const SECOND_US = 1_000_000;

test("a household that is alone sends all at once, beside others a little", () => {
  const share = new FairShare();
  expect(share.changesAtOnce(ours, 0)).toBe(Number.POSITIVE_INFINITY);
  expect(share.changesAtOnce(ours, 10)).toBe(Number.POSITIVE_INFINITY);
  expect(share.changesAtOnce(theirs, 20)).toBeLessThan(1_000);
  expect(share.changesAtOnce(ours, 30)).toBeLessThan(1_000);
});

test("others are forgotten when they have been quiet for a second, however busy the household itself is", () => {
  const share = new FairShare();
  share.changesAtOnce(theirs, 0);
  for (let nowUs = 100_000; nowUs < SECOND_US; nowUs += 100_000) {
    expect(share.changesAtOnce(ours, nowUs)).toBeLessThan(1_000);
  }
  expect(share.changesAtOnce(ours, SECOND_US)).toBe(Number.POSITIVE_INFINITY);
});

test("what sends one slice after another does so one at a time in its household", async () => {
  const share = new FairShare();
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(`${name} ends`);
  };
  await Promise.all([
    share.inTurn(ours, work("one")),
    share.inTurn(ours, work("two")),
    share.inTurn(theirs, work("x")),
  ]);
  expect(seen.filter((line) => !line.startsWith("x"))).toEqual(["one begins", "one ends", "two begins", "two ends"]);
  expect(seen.indexOf("x begins")).toBeLessThan(seen.indexOf("two begins"));
});

test("after a slice it rests for as long as that has taken, though not for long", async () => {
  vi.useFakeTimers();
  try {
    const share = new FairShare();
    const restAfter = async (tookMs: number) => {
      const slice = share.slice(() => new Promise<string>((resolve) => setTimeout(resolve, tookMs, "done")));
      const beganMs = performance.now();
      await vi.runAllTimersAsync();
      expect(await slice).toBe("done");
      return performance.now() - beganMs - tookMs;
    };
    expect(await restAfter(7)).toBe(7);
    expect(await restAfter(5_000)).toBe(25);
  } finally {
    vi.useRealTimers();
  }
});
