import type { Clock } from "@funkygibbon/kernel/clock";
import { MAX_CHANGES_PER_PUSH } from "@funkygibbon/kernel/limits";
import type { RedisConnection } from "@funkygibbon/redis/connection";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { Allowance, DeviceRef, RateLimits, SyncTelemetry } from "../domain/ports.ts";
import { budgetKey } from "./redis-keys.ts";

/** What a device may do each second; a household may do {@link HOUSEHOLD_FACTOR} times that. */
export interface RateBudget {
  /** Default 200. */
  readonly requestsPerSecond: number;
  /** Default 20000. */
  readonly changesPerSecond: number;
}

/** The budget of a device unless configured otherwise (docs/protocol.md, section 11). */
export const DEFAULT_BUDGET: RateBudget = { requestsPerSecond: 200, changesPerSecond: 20_000 };

const HOUSEHOLD_FACTOR = 5;
/** A budget is fetched in this many parts, so that a busy device costs Redis a twentieth of its requests. */
const PARTS = 20;
/** Budgets that are remembered; the least recently made is forgotten first and then asks Redis again. */
const MAX_BUDGETS = 20_000;

interface Balance {
  readonly ok: boolean;
  readonly remaining: number;
  readonly resetMs: number;
}

/** What the counter of a budget says to one wish. */
interface Grant {
  readonly granted: boolean;
  readonly remaining: number;
  readonly resetMs: number;
}

/** Where budgets are counted: in Redis for all replicas, here while Redis is away. */
interface Counter {
  consume(key: string, points: number): Promise<Grant>;
}

/** Budgets of one second, counted in Redis over all replicas. */
export class RedisRateLimits implements RateLimits {
  readonly #budgets = new Map<string, FetchedBudget>();
  readonly #counters: Readonly<Record<"device" | "household", { requests: Limit; changes: Limit }>>;
  readonly #clock: Clock;

  constructor(
    redis: RedisConnection,
    clock: Clock,
    telemetry: Pick<SyncTelemetry, "degraded">,
    budget: RateBudget = DEFAULT_BUDGET,
  ) {
    this.#clock = clock;
    const limit = (points: number, part: number): Limit => ({
      part: Math.max(part, 1),
      counter: countIn(redis, points, telemetry),
    });
    const { requestsPerSecond: requests, changesPerSecond: changes } = budget;
    const changesPart = Math.max(Math.ceil(changes / PARTS), MAX_CHANGES_PER_PUSH);
    this.#counters = {
      device: { requests: limit(requests, Math.floor(requests / PARTS)), changes: limit(changes, changesPart) },
      household: {
        requests: limit(requests * HOUSEHOLD_FACTOR, Math.floor((requests * HOUSEHOLD_FACTOR) / PARTS)),
        changes: limit(changes * HOUSEHOLD_FACTOR, changesPart * HOUSEHOLD_FACTOR),
      },
    };
  }

  async spend({ household, device }: DeviceRef, changes: number): Promise<Allowance> {
    const { device: ofDevice, household: ofHousehold } = this.#counters;
    const budget = (name: string, limit: Limit) => this.#budget(budgetKey(household, name), limit);
    const spent = await Promise.all([
      budget(`requests:${device}`, ofDevice.requests).spend(1),
      budget("requests", ofHousehold.requests).spend(1),
      ...(changes === 0
        ? []
        : [
            budget(`changes:${device}`, ofDevice.changes).spend(changes),
            budget("changes", ofHousehold.changes).spend(changes),
          ]),
    ]);
    const refused = spent.filter(({ ok }) => !ok);
    const requests = spent.slice(0, 2);
    const resetMs = Math.max(...requests.map((balance) => balance.resetMs));
    return {
      allowed: refused.length === 0,
      remaining: Math.max(0, Math.min(...requests.map((balance) => balance.remaining))),
      resetAtUs: this.#clock.now() + Math.ceil(resetMs) * 1_000,
      retryAfterMs: Math.max(0, ...refused.map((balance) => balance.resetMs)),
    };
  }

  #budget(key: string, limit: Limit): FetchedBudget {
    const known = this.#budgets.get(key);
    if (known !== undefined) return known;
    const made = new FetchedBudget(key, limit);
    this.#budgets.set(key, made);
    if (this.#budgets.size > MAX_BUDGETS) this.#budgets.delete(this.#budgets.keys().next().value ?? key);
    return made;
  }
}

interface Limit {
  readonly counter: Counter;
  /** Points that are fetched at a time; at least as many as one request ever spends. */
  readonly part: number;
}

/** One budget: spends what was fetched, and fetches the next part from the counter when that is used up. */
class FetchedBudget {
  readonly #key: string;
  readonly #limit: Limit;
  #left = 0;
  #beyond = 0;
  #endsAtMs = 0;
  #exhausted = false;
  #fetching: Promise<void> | undefined;

  constructor(key: string, limit: Limit) {
    this.#key = key;
    this.#limit = limit;
  }

  async spend(points: number): Promise<Balance> {
    for (;;) {
      const nowMs = performance.now();
      if (nowMs >= this.#endsAtMs) {
        this.#left = 0;
        this.#exhausted = false;
      }
      const resetMs = Math.max(0, this.#endsAtMs - nowMs);
      if (this.#left >= points) {
        this.#left -= points;
        return { ok: true, remaining: this.#left + this.#beyond, resetMs };
      }
      if (this.#exhausted) return { ok: false, remaining: 0, resetMs };
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
      await this.#fetching;
    }
  }

  async #fetch(): Promise<void> {
    const { part, counter } = this.#limit;
    const { granted, remaining, resetMs } = await counter.consume(this.#key, part);
    this.#endsAtMs = performance.now() + Math.max(resetMs, 1);
    this.#beyond = remaining;
    this.#exhausted = !granted;
    if (granted) this.#left += part;
  }
}

function countIn(redis: RedisConnection, points: number, telemetry: Pick<SyncTelemetry, "degraded">): Counter {
  const shared = new RateLimiterRedis({ storeClient: redis.client, keyPrefix: "", points, duration: 1 });
  const local = new RateLimiterMemory({ keyPrefix: "", points, duration: 1 });
  return {
    async consume(key, wanted) {
      try {
        return await redis.run(() => grantOf(shared.consume(key, wanted)));
      } catch {
        telemetry.degraded("redis", "rate-limit");
        return grantOf(local.consume(key, wanted));
      }
    },
  };
}

/** The limiter rejects with its result when the points are used up. */
async function grantOf(consumed: Promise<RateLimiterRes>): Promise<Grant> {
  const [granted, result] = await consumed.then(
    (allowed) => [true, allowed] as const,
    (refused: unknown) => {
      if (refused instanceof RateLimiterRes) return [false, refused] as const;
      throw refused;
    },
  );
  return { granted, remaining: result.remainingPoints, resetMs: result.msBeforeNext };
}
