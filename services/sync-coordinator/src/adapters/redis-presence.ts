import type { Micros } from "@funkygibbon/kernel/clock";
import { type HouseholdId, parseDeviceId } from "@funkygibbon/kernel/ids";
import type { RedisConnection } from "@funkygibbon/redis/connection";
import { defineScript } from "@funkygibbon/redis/script";
import type { DevicePresence, Presence, SessionRef, SyncTelemetry } from "../domain/ports.ts";
import { leaseKey, presenceKey } from "./redis-keys.ts";

/** A household that nobody has visited for this long is forgotten. */
const PRESENCE_TTL_MS = 30 * 24 * 60 * 60 * 1_000;
const SEPARATOR = "|";

/** A device that has gone, unless a newer session of it has come: ARGV device, session, value, ttl. */
const LEAVE = defineScript(
  "presence.leave",
  1,
  `local known = redis.call('HGET', KEYS[1], ARGV[1])
   if known and string.sub(known, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
   redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
   redis.call('PEXPIRE', KEYS[1], ARGV[4])
   return 1`,
);

/** Who is connected: written when a device comes and goes, believed only as long as its session holds the lease. */
export class RedisPresence implements Presence {
  readonly #redis: RedisConnection;
  readonly #telemetry: Pick<SyncTelemetry, "degraded">;

  constructor(redis: RedisConnection, telemetry: Pick<SyncTelemetry, "degraded">) {
    this.#redis = redis;
    this.#telemetry = telemetry;
  }

  async arrived(session: SessionRef, nowUs: Micros): Promise<void> {
    const key = presenceKey(session.household);
    const value = [session.session, "here", nowUs].join(SEPARATOR);
    await this.#tryTo(
      this.#redis.run((client) =>
        Promise.all([client.hset(key, session.device, value), client.pexpire(key, PRESENCE_TTL_MS)]),
      ),
    );
  }

  async left(session: SessionRef, nowUs: Micros): Promise<void> {
    const value = [session.session, "gone", nowUs].join(SEPARATOR);
    const args = [session.device, session.session, value, PRESENCE_TTL_MS];
    await this.#tryTo(LEAVE.run(this.#redis, { keys: [presenceKey(session.household)], args }));
  }

  async list(household: HouseholdId): Promise<readonly DevicePresence[] | undefined> {
    try {
      const entries = Object.entries(await this.#redis.run((client) => client.hgetall(presenceKey(household))));
      if (entries.length === 0) return [];
      const keys = entries.map(([device]) => leaseKey({ household, device: parseDeviceId(device) }));
      const holders = await this.#redis.run((client) => client.mget(keys));
      return entries.map(([device, value], index) => presenceOf(device, value, holders[index] ?? undefined));
    } catch {
      this.#telemetry.degraded("redis", "presence");
      return undefined;
    }
  }

  async #tryTo(work: Promise<unknown>): Promise<void> {
    await work.catch(() => this.#telemetry.degraded("redis", "presence"));
  }
}

function presenceOf(device: string, value: string, holder: string | undefined): DevicePresence {
  const [session, state, since] = value.split(SEPARATOR);
  const connected = state === "here" && session === holder;
  // A replica that was killed could not say when its devices went.
  const sinceUs = state === "here" && !connected ? undefined : Number(since);
  return { device: parseDeviceId(device), connected, sinceUs };
}
