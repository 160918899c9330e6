import { create } from "@bufbuild/protobuf";
import { ReadLogResponseSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { SharedHouseholdFeeds } from "./household-feeds.ts";

const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const HOUSEHOLDS = 100;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("looks at every log in turn while events are away, also when there are more than can be looked at in time", async () => {
  const reads = new Map<string, number>();
  const readLog = async ({ household }: { household: string }) => {
    reads.set(household, (reads.get(household) ?? 0) + 1);
    // So slow that only a part of all logs is read before the first would be due again.
    await new Promise((resolve) => setTimeout(resolve, 400));
    return create(ReadLogResponseSchema, { position: { epoch } });
  };
  const subscription = { active: new Promise<void>(() => {}), [Symbol.asyncDispose]: async () => {} };
  const feeds = new SharedHouseholdFeeds({
    events: { available: false, onAvailabilityChange: () => () => {}, subscribe: () => subscription },
    readLog,
    clocks: { read: async () => undefined, raise: async () => {} },
    telemetry: { logRead: () => {} },
    log: silentLogger(),
    pollMs: 500,
  });
  const listener = {
    ...{ onAdvance: () => {}, onSettled: () => {}, onEpochChanged: () => {} },
    ...{ onSyncRequested: () => {}, onSuperseded: () => {}, onForgotten: () => {}, onConflictChanged: () => {} },
  };
  const position = { epoch, headSeq: 0, digest: 0n, committedUs: 0 };
  for (let count = 0; count < HOUSEHOLDS; count += 1) {
    feeds.join(parseHouseholdId(`home-${count}`), { position, versions: {} }, listener);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  expect(reads.size).toBe(HOUSEHOLDS);
  const counts = [...reads.values()];
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  await feeds[Symbol.asyncDispose]();
});
