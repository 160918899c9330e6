import { parseDeviceId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REDIS_KINDS } from "../../../../test/support/own-servers.ts";
import { createTestRedis, type TestRedis } from "../../../../test/support/test-redis.ts";
import { RedisLeases } from "./redis-leases.ts";

const telemetry = { degraded: () => {} };
const device = { household: parseHouseholdId("the-lovelaces"), device: parseDeviceId("phone") };
describe.each(REDIS_KINDS)("on %s", (kind) => {
  let redis: TestRedis;
  let now = 1_795_340_000_000_000;

  beforeAll(async () => {
    redis = await createTestRedis(kind);
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  const replica = async (clockAheadUs = 0) =>
    new RedisLeases(await redis.connect(), { now: () => now + clockAheadUs }, telemetry);

  describe("leases", () => {
    it("are the newer session's, whichever replica it came to; the older one learns it by its renewal", async () => {
      const [one, two] = [await replica(), await replica()];
      const first = { ...device, session: await one.take(device) };
      expect(await one.renew(first)).toBe(true);
      now += 1_000_000;
      const second = { ...device, session: await two.take(device) };
      expect(await one.renew(first)).toBe(false);
      expect(await two.renew(second)).toBe(true);
    });

    it("go to the newer session even from a replica whose clock is ahead", async () => {
      const [ahead, right] = [await replica(3_600_000_000), await replica()];
      const first = { ...device, session: await ahead.take(device) };
      const second = { ...device, session: await right.take(device) };
      expect(second.session > first.session).toBe(true);
      expect(await ahead.renew(first)).toBe(false);
      expect(await right.renew(second)).toBe(true);
    });

    it("are given back only by the session that holds them", async () => {
      const leases = await replica(7_200_000_000);
      const first = { ...device, session: await leases.take(device) };
      const second = { ...device, session: await leases.take(device) };
      await leases.release(first);
      expect(await leases.renew(first)).toBe(false);
      await leases.release(second);
      // Nobody holds it: the older session may go on with it.
      expect(await leases.renew(first)).toBe(true);
    });

    it("are everybody's while Redis is away", async () => {
      const connection = await redis.connect();
      const leases = new RedisLeases(connection, { now: () => now }, telemetry);
      connection.client.disconnect();
      const session = await leases.take(device);
      expect(await leases.renew({ ...device, session })).toBe(true);
    });
  });
});
