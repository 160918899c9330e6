import { type Epoch, parseDeviceId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { RedisConnection } from "@funkygibbon/redis/connection";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { REDIS_KINDS } from "../../../../test/support/own-servers.ts";
import { createTestRedis, type TestRedis } from "../../../../test/support/test-redis.ts";
import { clockKey } from "./redis-keys.ts";
import { RedisLiveClocks } from "./redis-live-clocks.ts";

const household = parseHouseholdId("the-lovelaces");
const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const younger = parseEpoch("0192f3b1-7c4e-7a10-8f2d-1c5a9b7e4d21");
const phone = parseDeviceId("phone");
const version = (sequence: number, device = "phone") =>
  `2026-11-22T09:41:02.581Z-${device}-${String(sequence).padStart(6, "0")}`;
const position = (headSeq: number, of: Epoch = epoch) => ({
  epoch: of,
  headSeq,
  digest: 2n ** 64n - BigInt(headSeq + 1),
  committedUs: 1_795_340_000_000_000 + headSeq,
});
const raise = (headSeq: number, sequence?: number, of?: Epoch) => ({
  household,
  position: position(headSeq, of),
  firstSeq: headSeq,
  entry: sequence === undefined ? undefined : { device: phone, version: version(sequence), sequence },
});

describe.each(REDIS_KINDS)("on %s", (kind) => {
  let redis: TestRedis;
  let connection: RedisConnection;
  let clocks: RedisLiveClocks;

  beforeAll(async () => {
    redis = await createTestRedis(kind);
    connection = await redis.connect();
    clocks = new RedisLiveClocks(connection, { degraded: () => {} });
  });
  beforeEach(() => connection.client.flushdb());
  afterAll(() => redis[Symbol.asyncDispose]());

  describe("the live clock", () => {
    it("is read as it was put there, digests above 2^63 included", async () => {
      const clock = { position: position(7), versions: { phone: version(4), "wall-panel": version(1, "wall-panel") } };
      await clocks.replace(household, clock);
      expect(await clocks.read(household)).toEqual(clock);
    });

    it("rises with commits, and never falls with late ones", async () => {
      await clocks.replace(household, { position: position(7), versions: { phone: version(999) } });
      await clocks.raise(raise(9, 1_000));
      await clocks.raise(raise(8, 998));
      expect(await clocks.read(household)).toEqual({ position: position(9), versions: { phone: version(1_000) } });
    });

    it("takes what a late commit knows of a device even though the log is further", async () => {
      await clocks.replace(household, { position: position(7), versions: {} });
      await clocks.raise(raise(6, 3));
      expect(await clocks.read(household)).toEqual({ position: position(7), versions: { phone: version(3) } });
    });

    it("is not begun by a commit: a clock that lacks devices would be worse than none", async () => {
      await clocks.raise(raise(9, 1));
      expect(await clocks.read(household)).toBeUndefined();
    });

    it("is not rebuilt from before a commit that came meanwhile", async () => {
      await clocks.raise(raise(9, 1));
      await clocks.replace(household, { position: position(8), versions: {} });
      expect(await clocks.read(household)).toBeUndefined();
      await clocks.replace(household, { position: position(9), versions: { phone: version(1) } });
      expect((await clocks.read(household))?.position.headSeq).toBe(9);
    });

    it("gives way to a younger epoch as a whole, and ignores an older one", async () => {
      await clocks.replace(household, { position: position(7), versions: { phone: version(9) } });
      await clocks.replace(household, { position: position(2, younger), versions: {} });
      expect(await clocks.read(household)).toEqual({ position: position(2, younger), versions: {} });
      await clocks.raise(raise(99, 99));
      await clocks.replace(household, { position: position(99), versions: { phone: version(99) } });
      expect(await clocks.read(household)).toEqual({ position: position(2, younger), versions: {} });
    });

    it("goes when a commit of a younger epoch comes, until somebody has looked", async () => {
      await clocks.replace(household, { position: position(7), versions: { phone: version(9) } });
      await clocks.raise(raise(1, 1, younger));
      expect(await clocks.read(household)).toBeUndefined();
    });

    it("expires in a minute; commits that follow each other renew that, a gap does not", async () => {
      const ttl = () => connection.client.pttl(clockKey(household));
      const age = () => connection.client.pexpire(clockKey(household), 10_000);
      await clocks.replace(household, { position: position(7), versions: {} });
      expect(await ttl()).toBeGreaterThan(55_000);
      await age();
      await clocks.raise(raise(9, 1));
      expect(await ttl()).toBeLessThanOrEqual(10_000);
      await age();
      await clocks.raise(raise(10, 2));
      expect(await ttl()).toBeGreaterThan(55_000);
    });

    it("is nobody's fault while Redis is away: reads find nothing, writes return", async () => {
      const cut = await redis.connect();
      const away = new RedisLiveClocks(cut, { degraded: () => {} });
      cut.client.disconnect();
      await away.replace(household, { position: position(7), versions: {} });
      await away.raise(raise(8, 1));
      expect(await away.read(household)).toBeUndefined();
    });
  });
});
