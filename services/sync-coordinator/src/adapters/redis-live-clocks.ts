import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { parseEpoch } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import { parseVersion } from "@funkygibbon/kernel/version";
import type { RedisConnection } from "@funkygibbon/redis/connection";
import { defineScript } from "@funkygibbon/redis/script";
import type { ClockRaise, HouseholdClock, LiveClocks, SyncTelemetry } from "../domain/ports.ts";
import { clockFloorKey, clockKey } from "./redis-keys.ts";

/** A clock that nobody has raised or compared for this long is gone, and PostgreSQL is asked. */
export const CLOCK_TTL_MS = 60_000;
/** Longer than any look at the durable clock takes. */
const FLOOR_TTL_MS = 15_000;
/** An answer never waits longer than this for its raise. */
const RAISE_TIMEOUT_MS = 50;
/** The entry of a device; other fields belong to the log. */
const DEVICE_PREFIX = "d:";

/** KEYS clock, floor; ARGV epoch, seq, digest, committed, ttl, floor ttl, first seq, device, version, sequence. */
const RAISE = defineScript(
  "clock.raise",
  2,
  `local epoch = redis.call('HGET', KEYS[1], 'epoch')
   if epoch and epoch > ARGV[1] then return 0 end
   if not epoch or epoch < ARGV[1] then
     -- Nothing to raise, or a clock of an older log. A half clock would be worse than none; the floor keeps a clock
     -- that was read before this commit from being put in its place.
     redis.call('DEL', KEYS[1])
     local mine = ARGV[1] .. string.format('/%016d', tonumber(ARGV[2]))
     local floor = redis.call('GET', KEYS[2])
     if not floor or floor < mine then redis.call('SET', KEYS[2], mine, 'PX', ARGV[6]) end
     return 0
   end
   local seq = tonumber(redis.call('HGET', KEYS[1], 'seq'))
   if tonumber(ARGV[2]) > seq then
     redis.call('HSET', KEYS[1], 'seq', ARGV[2], 'digest', ARGV[3], 'committed', ARGV[4])
   end
   if ARGV[8] ~= '' then
     local known = redis.call('HGET', KEYS[1], 'd:' .. ARGV[8])
     if not known or tonumber(string.match(known, '(%d+)$')) < tonumber(ARGV[10]) then
       redis.call('HSET', KEYS[1], 'd:' .. ARGV[8], ARGV[9])
     end
   end
   -- After a raise that never came, entries may be missing: such a clock must still expire into a rebuild.
   if tonumber(ARGV[7]) <= seq + 1 then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
   return 1`,
);

/** KEYS clock, floor; ARGV epoch, seq, digest, committed, ttl, then device, version, sequence of each entry. */
const REPLACE = defineScript(
  "clock.replace",
  2,
  `local floor = redis.call('GET', KEYS[2])
   if floor and floor > ARGV[1] .. string.format('/%016d', tonumber(ARGV[2])) then return 0 end
   local epoch = redis.call('HGET', KEYS[1], 'epoch')
   if epoch and epoch > ARGV[1] then return 0 end
   if epoch and epoch < ARGV[1] then redis.call('DEL', KEYS[1]) end
   redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
   local seq = redis.call('HGET', KEYS[1], 'seq')
   if not seq or tonumber(ARGV[2]) >= tonumber(seq) then
     redis.call('HSET', KEYS[1], 'seq', ARGV[2], 'digest', ARGV[3], 'committed', ARGV[4])
   end
   for index = 6, #ARGV, 3 do
     local field = 'd:' .. ARGV[index]
     local known = redis.call('HGET', KEYS[1], field)
     if not known or tonumber(string.match(known, '(%d+)$')) < tonumber(ARGV[index + 2]) then
       redis.call('HSET', KEYS[1], field, ARGV[index + 1])
     end
   end
   redis.call('PEXPIRE', KEYS[1], ARGV[5])
   return 1`,
);

/** One hash per household, raised by Lua and only upwards (docs/protocol.md, section 9). */
export class RedisLiveClocks implements LiveClocks {
  readonly #redis: RedisConnection;
  readonly #telemetry: Pick<SyncTelemetry, "degraded">;

  constructor(redis: RedisConnection, telemetry: Pick<SyncTelemetry, "degraded">) {
    this.#redis = redis;
    this.#telemetry = telemetry;
  }

  async read(household: HouseholdId): Promise<HouseholdClock | undefined> {
    try {
      return clockOf(await this.#redis.run((client) => client.hgetall(clockKey(household))));
    } catch {
      this.#telemetry.degraded("redis", "clock-read");
      return undefined;
    }
  }

  async replace(household: HouseholdId, { position, versions }: HouseholdClock): Promise<void> {
    const entries = Object.entries(versions).flatMap(([device, version]) => [
      device,
      version,
      parseVersion(version, `versions["${device}"]`).sequence,
    ]);
    const args = [...positionArgs(position), CLOCK_TTL_MS, ...entries];
    await this.#tryTo("clock-replace", REPLACE.run(this.#redis, { keys: keysOf(household), args }));
  }

  async raise({ household, position, firstSeq, entry }: ClockRaise): Promise<void> {
    const written = entry === undefined ? ["", "", 0] : [entry.device, entry.version, entry.sequence];
    const args = [...positionArgs(position), CLOCK_TTL_MS, FLOOR_TTL_MS, firstSeq, ...written];
    const raised = RAISE.run(this.#redis, { keys: keysOf(household), args }, { timeoutMs: RAISE_TIMEOUT_MS });
    await this.#tryTo("clock-raise", raised);
  }

  async #tryTo(what: string, work: Promise<unknown>): Promise<void> {
    await work.catch(() => this.#telemetry.degraded("redis", what));
  }
}

function keysOf(household: HouseholdId): string[] {
  return [clockKey(household), clockFloorKey(household)];
}

function positionArgs({ epoch, headSeq, digest, committedUs }: LogPosition): (string | number)[] {
  return [epoch, headSeq, String(digest), committedUs];
}

/** Undefined for a hash that is not there or not whole. */
function clockOf(hash: Readonly<Record<string, string>>): HouseholdClock | undefined {
  const { epoch, seq, digest, committed } = hash;
  if (epoch === undefined || seq === undefined || digest === undefined || committed === undefined) return undefined;
  const versions: Record<string, string> = {};
  for (const [field, version] of Object.entries(hash)) {
    if (field.startsWith(DEVICE_PREFIX)) versions[field.slice(DEVICE_PREFIX.length)] = version;
  }
  const position = {
    epoch: parseEpoch(epoch),
    headSeq: Number(seq),
    digest: BigInt(digest),
    committedUs: Number(committed),
  };
  return { position, versions };
}
