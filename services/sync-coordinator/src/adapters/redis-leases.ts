import { randomBytes } from "node:crypto";
import type { Clock, Micros } from "@funkygibbon/kernel/clock";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import type { RedisConnection } from "@funkygibbon/redis/connection";
import { defineScript } from "@funkygibbon/redis/script";
import type { DeviceRef, Leases, SessionRef, SyncTelemetry } from "../domain/ports.ts";
import { leaseKey } from "./redis-keys.ts";

/** A lease that is not renewed for this long is free. */
export const LEASE_TTL_MS = 30_000;

/** Takes the lease from any older session; answers the holder when that is newer, by a clock ahead of ours for example. */
const TAKE = defineScript(
  "lease.take",
  1,
  `local holder = redis.call('GET', KEYS[1])
   if holder and holder >= ARGV[1] then return holder end
   redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
   return ''`,
);

/** A lease that has expired, or whose holder is older, is taken again. */
const RENEW = defineScript(
  "lease.renew",
  1,
  `local holder = redis.call('GET', KEYS[1])
   if holder and holder > ARGV[1] then return 0 end
   redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
   return 1`,
);

const RELEASE = defineScript(
  "lease.release",
  1,
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
   return 0`,
);

/** Session ids are UUIDv7 and are compared as text: the greater one is the newer session. */
export class RedisLeases implements Leases {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #telemetry: Pick<SyncTelemetry, "degraded">;

  constructor(redis: RedisConnection, clock: Clock, telemetry: Pick<SyncTelemetry, "degraded">) {
    this.#redis = redis;
    this.#clock = clock;
    this.#telemetry = telemetry;
  }

  async take(device: DeviceRef): Promise<string> {
    let session = newSessionId(this.#clock.now());
    try {
      for (;;) {
        const holder = await TAKE.run(this.#redis, { keys: [leaseKey(device)], args: [session, LEASE_TTL_MS] });
        if (holder === "") return session;
        session = newSessionId(timeOf(String(holder)) + 1_000);
      }
    } catch {
      this.#telemetry.degraded("redis", "lease");
      return session;
    }
  }

  async renew(session: SessionRef): Promise<boolean> {
    try {
      const held = await RENEW.run(this.#redis, { keys: [leaseKey(session)], args: [session.session, LEASE_TTL_MS] });
      return held === 1;
    } catch {
      this.#telemetry.degraded("redis", "lease");
      return true;
    }
  }

  async release(session: SessionRef): Promise<void> {
    // A lease that cannot be given back expires.
    await RELEASE.run(this.#redis, { keys: [leaseKey(session)], args: [session.session] }).catch(() => {});
  }
}

function newSessionId(nowUs: Micros): string {
  return uuidV7(nowUs, randomBytes(10));
}

function timeOf(session: string): Micros {
  return Number.parseInt(session.replace("-", "").slice(0, 12), 16) * 1_000;
}
