import { systemClock } from "@funkygibbon/kernel/clock";
import { parseDeviceId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REDIS_KINDS } from "../../../../test/support/own-servers.ts";
import { createTestRedis, type TestRedis } from "../../../../test/support/test-redis.ts";
import { RedisRateLimits } from "./redis-rate-limits.ts";

describe.each(REDIS_KINDS)("on %s", (kind) => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await createTestRedis(kind);
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  const phone = (household: string, device = "phone") => ({
    household: parseHouseholdId(household),
    device: parseDeviceId(device),
  });
  const budget = { requestsPerSecond: 40, changesPerSecond: 4_000 };
  const limits = async () => new RedisRateLimits(await redis.connect(), systemClock, { degraded: () => {} }, budget);
  /** A second that has just begun, so that a test does not straddle two. */
  const freshSecond = () => new Promise((resolve) => setTimeout(resolve, 1_050));

  describe("rate limits", () => {
    it("allow a device exactly its requests of a second, say what is left, and when it is whole again", async () => {
      const limit = await limits();
      const answers = await Promise.all(Array.from({ length: 45 }, () => limit.spend(phone("a"), 0)));
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(40);
      expect(answers.slice(0, 3).map(({ remaining }) => remaining)).toEqual([39, 38, 37]);
      expect(answers.at(-1)?.retryAfterMs).toBeGreaterThan(0);
      expect(answers.at(-1)?.retryAfterMs).toBeLessThanOrEqual(1_000);
      expect(answers.at(-1)?.resetAtUs).toBeGreaterThan(systemClock.now());
      await freshSecond();
      expect((await limit.spend(phone("a"), 0)).allowed).toBe(true);
    });

    it("count changes as well as requests", async () => {
      const limit = await limits();
      const answers = await Promise.all(Array.from({ length: 5 }, () => limit.spend(phone("b"), 1_000)));
      expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, true, true, false]);
    });

    it("hold for a household over all its devices and replicas, and leave other households alone", async () => {
      const replicas = [await limits(), await limits()];
      const began = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 400 }, (_, count) => replicas[count % 2]?.spend(phone("c", `device-${count % 20}`), 0)),
      );
      const seconds = 1 + Math.floor((performance.now() - began) / 1_000);
      const allowed = answers.filter((answer) => answer?.allowed).length;
      expect(allowed).toBeLessThanOrEqual(200 * seconds);
      expect(allowed).toBeGreaterThan(150);
      expect((await replicas[0]?.spend(phone("d"), 0))?.allowed).toBe(true);
    });

    it("are counted here while Redis is away", async () => {
      const connection = await redis.connect();
      const limit = new RedisRateLimits(connection, systemClock, { degraded: () => {} }, budget);
      connection.client.disconnect();
      const answers = await Promise.all(Array.from({ length: 45 }, () => limit.spend(phone("e"), 0)));
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(40);
    });
  });
});
