import { parseDeviceId, parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REDIS_KINDS } from "../../../../test/support/own-servers.ts";
import { createTestRedis, type TestRedis } from "../../../../test/support/test-redis.ts";
import { RedisBindingCache } from "./redis-binding-cache.ts";
import { leaseKey } from "./redis-keys.ts";
import { RedisLeases } from "./redis-leases.ts";
import { RedisPresence } from "./redis-presence.ts";

const telemetry = { degraded: () => {} };
const household = parseHouseholdId("the-lovelaces");
const phone = { household, device: parseDeviceId("phone") };
describe.each(REDIS_KINDS)("on %s", (kind) => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await createTestRedis(kind);
  });
  afterAll(() => redis[Symbol.asyncDispose]());

  describe("presence", () => {
    it("says who is connected since when, as long as the session holds its lease", async () => {
      const connection = await redis.connect();
      const presence = new RedisPresence(connection, telemetry);
      const leases = new RedisLeases(connection, { now: () => 1_000_000 }, telemetry);
      expect(await presence.list(household)).toEqual([]);

      const first = { ...phone, session: await leases.take(phone) };
      await presence.arrived(first, 10);
      expect(await presence.list(household)).toEqual([{ device: phone.device, connected: true, sinceUs: 10 }]);

      const second = { ...phone, session: await leases.take(phone) };
      await presence.arrived(second, 20);
      await presence.left(first, 30);
      expect(await presence.list(household)).toEqual([{ device: phone.device, connected: true, sinceUs: 20 }]);

      await presence.left(second, 40);
      expect(await presence.list(household)).toEqual([{ device: phone.device, connected: false, sinceUs: 40 }]);
    });

    it("does not believe a replica that died without a word", async () => {
      const connection = await redis.connect();
      const presence = new RedisPresence(connection, telemetry);
      const leases = new RedisLeases(connection, { now: () => 2_000_000 }, telemetry);
      await presence.arrived({ ...phone, session: await leases.take(phone) }, 50);
      await connection.client.del(leaseKey(phone));
      expect(await presence.list(household)).toEqual([{ device: phone.device, connected: false, sinceUs: undefined }]);
    });

    it("knows nothing while Redis is away", async () => {
      const connection = await redis.connect();
      const presence = new RedisPresence(connection, telemetry);
      connection.client.disconnect();
      await presence.arrived({ ...phone, session: "s" }, 1);
      expect(await presence.list(household)).toBeUndefined();
    });
  });

  describe("the binding cache", () => {
    it("remembers whose a device is until it is forgotten", async () => {
      const cache = new RedisBindingCache(await redis.connect(), telemetry);
      expect(await cache.boundUser(phone)).toBeUndefined();
      await cache.remember(phone, parseUserId("ada"));
      expect(await cache.boundUser(phone)).toBe("ada");
      await cache.forget(phone);
      expect(await cache.boundUser(phone)).toBeUndefined();
    });
  });
});
