import { setTimeout as sleep } from "node:timers/promises";
import { unavailable } from "@funkygibbon/kernel/errors";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Meter } from "@opentelemetry/api";
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from "cockatiel";
import { Cluster, Redis } from "ioredis";
import { parseRedisUrl, type RedisAddress } from "./address.ts";
import { CommandTimeout, isServerTrouble, translateError } from "./redis-error.ts";
import { RedisMetrics } from "./redis-metrics.ts";

/** Options of {@link connectRedis}. */
export interface RedisOptions {
  /** Of one node or of a cluster; see {@link parseRedisUrl}. */
  readonly url: string;
  /** As shown by CLIENT LIST. */
  readonly connectionName?: string;
  /** How long an operation may take unless {@link RunOptions.timeoutMs} says otherwise. Default 250 ms. */
  readonly commandTimeoutMs?: number;
  /** How long {@link connectRedis} waits for a first connection before it returns without one. Default 1 s. */
  readonly firstConnectTimeoutMs?: number;
  readonly log: Logger;
  readonly meter?: Meter;
}

/**
 * One node or a cluster, alike for commands. On a cluster the keys of a command or script have to share a slot, which is
 * why all keys of a household bear the same hash tag.
 */
export type RedisClient = Redis | Cluster;

/** The policy of one operation. */
export interface RunOptions {
  readonly timeoutMs?: number;
}

/**
 * A connection that comes back for ever, with jitter, and never makes anyone wait while it is away: operations fail at
 * once, nothing is queued. Everything in Redis can be rebuilt, so callers go on without it.
 */
export interface RedisConnection extends AsyncDisposable {
  /** For what `run` does not fit, such as subscriptions; commands here have neither timeout nor breaker. */
  readonly client: RedisClient;
  /** Whether operations are worth trying now. */
  readonly available: boolean;
  /**
   * Runs an operation within its time. After five failures in a row operations fail at once for half a second, then one
   * is let through to see whether Redis is back. Who waits for less than {@link RedisOptions.commandTimeoutMs} gives up
   * alone: that an answer was late for them is no failure of Redis.
   * @throws DomainError `unavailable` when Redis is away, slow or loading; `internal` when it refuses a command.
   */
  run<T>(operation: (client: RedisClient) => Promise<T>, options?: RunOptions): Promise<T>;
  /** Resolves when Redis answers. @throws DomainError `unavailable` */
  ping(): Promise<void>;
}

const FAILURES_UNTIL_OPEN = 5;
const OPEN_FOR_MS = 500;
const RECONNECT_AT_MOST_MS = 2_000;

/** Starts connecting and returns when connected, or without a connection after {@link RedisOptions.firstConnectTimeoutMs}. */
export async function connectRedis(options: RedisOptions): Promise<RedisConnection> {
  const connection = new IoredisConnection(options);
  await connection.firstConnection(options.firstConnectTimeoutMs ?? 1_000);
  return connection;
}

class IoredisConnection implements RedisConnection {
  readonly client: RedisClient;
  readonly #timeoutMs: number;
  readonly #breaker: CircuitBreakerPolicy;
  readonly #metrics: RedisMetrics | undefined;

  constructor(options: RedisOptions) {
    this.#timeoutMs = options.commandTimeoutMs ?? 250;
    this.client = openClient(parseRedisUrl(options.url), options.connectionName ?? "funkygibbon");
    this.#logChanges(options.log);
    this.#breaker = circuitBreaker(handleWhen(isServerTrouble), {
      breaker: new ConsecutiveBreaker(FAILURES_UNTIL_OPEN),
      halfOpenAfter: OPEN_FOR_MS,
    });
    this.#metrics = options.meter && new RedisMetrics(options.meter, () => this.available);
  }

  get available(): boolean {
    return this.client.status === "ready" && this.#breaker.state !== CircuitState.Open;
  }

  async run<T>(operation: (client: RedisClient) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const startedAt = performance.now();
    try {
      if (this.client.status !== "ready") throw unavailable("Redis cannot be reached");
      const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
      const answer = this.#breaker.execute(() => within(Math.max(timeoutMs, this.#timeoutMs), operation(this.client)));
      const result = await (timeoutMs < this.#timeoutMs ? within(timeoutMs, answer) : answer);
      this.#metrics?.operation("ok", performance.now() - startedAt);
      return result;
    } catch (error) {
      this.#metrics?.operation("failed", performance.now() - startedAt);
      if (error instanceof BrokenCircuitError)
        throw unavailable("Redis keeps failing", { retryAfterMs: OPEN_FOR_MS, cause: error });
      throw translateError(error);
    }
  }

  async ping(): Promise<void> {
    await this.run((client) => client.ping(), { timeoutMs: 2_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#metrics?.stop();
    this.client.disconnect();
  }

  /** Resolves when ready, or when `withinMs` has passed. */
  async firstConnection(withinMs: number): Promise<void> {
    if (this.client.status === "ready") return;
    const timer = new AbortController();
    const ready = new Promise<void>((resolve) => this.client.once("ready", () => resolve()));
    await Promise.race([ready, sleep(withinMs, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  /** One line per change, not one per attempt. */
  #logChanges(log: Logger): void {
    let reported: "up" | "down" | undefined;
    this.client.on("ready", () => {
      if (reported === "down") log.info("redis.connected");
      reported = "up";
    });
    this.client.on("error", (error: Error) => {
      if (reported !== "down") log.warn({ err: error }, "redis.connection_lost");
      reported = "down";
    });
  }
}

/** Begins to connect. Operations are never queued, nor repeated when it is not known whether they have happened. */
function openClient(address: RedisAddress, connectionName: string): RedisClient {
  const { nodes, tls, username, password, database } = address;
  // Commands of one turn of the event loop travel together.
  const common = { enableOfflineQueue: false, enableAutoPipelining: true };
  const perNode = {
    connectionName,
    ...(tls ? { tls: {} } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2_000,
    // A connection that is dead without knowing it: nothing came back for this long after a command was sent.
    socketTimeout: 10_000,
    keepAlive: 10_000,
  };
  if (address.kind === "node") {
    return new Redis({ ...common, ...perNode, ...nodes[0], db: database, retryStrategy: reconnectDelayMs });
  }
  return new Cluster([...nodes], {
    ...common,
    redisOptions: perNode,
    clusterRetryStrategy: reconnectDelayMs,
    // A command whose connection broke may have happened; one that was sent elsewhere (MOVED, ASK) has not.
    retryDelayOnFailover: 0,
    slotsRefreshInterval: 30_000,
    // Certificates name hosts, not the addresses behind them.
    ...(tls ? { dnsLookup: (host, found) => found(null, host) } : {}),
  });
}

function reconnectDelayMs(attempt: number): number {
  return Math.min(RECONNECT_AT_MOST_MS, 50 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2);
}

/** The result of `operation`, if it comes in time; a later one is dropped. */
async function within<T>(timeoutMs: number, operation: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(new CommandTimeout(`no answer within ${timeoutMs} ms`));
  // An event loop that was busy runs its timers before it reads: what has arrived meanwhile is in time.
  const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
  try {
    return await Promise.race([operation, late]);
  } finally {
    clearTimeout(timer);
  }
}
