import { cpSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type DeviceId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { migrate } from "@funkygibbon/postgres/migrations";
import { silentLogger } from "@funkygibbon/runtime/log";
import { leaseKey } from "@funkygibbon/sync-coordinator/adapters/redis-keys";
import { answers, type LocalServer } from "../../deploy/local/server.ts";
import { ENTITY_STORE_MIGRATIONS, SERVICE_NAMES } from "../support/constellation-ground.ts";
import { type OwnServers, ownServers } from "../support/own-servers.ts";
import { type ProcessConstellation, processConstellation } from "../support/process-constellation.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { asSuperuser } from "../support/template-databases.ts";

/** Settings of PostgreSQL that let a replica follow it; durability stays as it is by default. */
export const REPLICATED = { wal_level: "replica", wal_keep_size: "256MB" };

/** A server that only stalls answers within. */
const PATIENCE_MS = 20_000;

/** What a log says of a version's place in history. */
export interface Descent {
  readonly version: string;
  readonly parents: readonly string[];
  readonly isOverruled: boolean;
}

/** The servers that services stand on. */
interface Infrastructure {
  readonly postgres: LocalServer;
  readonly redis: LocalServer;
  readonly nats: LocalServer;
}

/**
 * A whole system to be broken: PostgreSQL, Redis and NATS of its own, and the four services with two sync-coordinators,
 * each a process. entity-store reaches PostgreSQL through a network of ours; devices get theirs by {@link openNetwork}.
 */
export class FaultSystem implements AsyncDisposable {
  readonly servers: OwnServers;
  readonly constellation: ProcessConstellation;
  /** The way from entity-store to PostgreSQL. */
  readonly database: TcpProxy;
  postgres: LocalServer;
  redis: LocalServer;
  nats: LocalServer;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    servers: OwnServers,
    { postgres, redis, nats }: Infrastructure,
    services: { readonly constellation: ProcessConstellation; readonly database: TcpProxy },
    opened: AsyncDisposableStack,
  ) {
    this.servers = servers;
    this.postgres = postgres;
    this.redis = redis;
    this.nats = nats;
    this.constellation = services.constellation;
    this.database = services.database;
    this.#opened = opened;
  }

  /** Starts all of it. */
  static async start(): Promise<FaultSystem> {
    await using opened = new AsyncDisposableStack();
    const servers = opened.use(ownServers());
    const [postgres, redis, nats] = await Promise.all([
      servers.startPostgres(undefined, { settings: REPLICATED }),
      servers.startRedis(),
      servers.startNats(),
    ]);
    await migrate({ url: postgres.url, directory: ENTITY_STORE_MIGRATIONS, log: silentLogger() });
    let system: FaultSystem | undefined;
    const database = opened.use(await TcpProxy.open({ targets: () => [(system?.postgres ?? postgres).port] }));
    const throughProxy = new URL(postgres.url);
    throughProxy.port = String(database.port);
    const constellation = opened.use(
      await processConstellation({ databaseUrl: throughProxy.href, redisUrl: redis.url, natsUrl: nats.url }),
    );
    const infrastructure = { postgres, redis, nats };
    system = new FaultSystem(servers, infrastructure, { constellation, database }, opened.move());
    return system;
  }

  /** A way for devices to the coordinators that are up, now to this one first, now to that, as a load balancer does it. */
  openNetwork(): Promise<TcpProxy> {
    const [first, second] = this.constellation.coordinators;
    let turn = 0;
    return TcpProxy.open({
      targets: () => {
        turn += 1;
        const inTurn = turn % 2 === 0 ? [first, second] : [second, first];
        return inTurn
          .filter(({ isRunning, isSuspended }) => isRunning && !isSuspended)
          .map(({ url }) => Number(new URL(url).port));
      },
    });
  }

  /** One statement as the superuser, past every proxy. */
  sql<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return asSuperuser(this.postgres.url, async (client) => (await client.query(text, [...values])).rows);
  }

  /** Where the log of a household stands. */
  async log(household: string): Promise<{ readonly epoch: string; readonly headSeq: number }> {
    const [row] = await this.sql<{ epoch: string; head_seq: number }>(
      "SELECT epoch::text, head_seq::int FROM households WHERE household_id = $1",
      [household],
    );
    return { epoch: row?.epoch ?? "", headSeq: row?.head_seq ?? 0 };
  }

  /** What each version of a household's log replaces, and whether it lost to what was there. */
  async lineage(household: string): Promise<readonly Descent[]> {
    return this.sql<Descent>(
      `SELECT version, parents, outcome = $2 AS "isOverruled" FROM record_versions WHERE household_id = $1`,
      [household, Outcome.SUPERSEDED],
    );
  }

  /** Says something to Redis past all clients, for example `FLUSHALL`. */
  async tellRedis(command: string): Promise<void> {
    const isDone = await answers(this.redis.port, `${command}\r\n`, "+OK", PATIENCE_MS);
    if (!isDone) throw new Error(`Redis does not do ${command}`);
  }

  /** No session of this household holds its device any more. */
  async expireLeases(household: string): Promise<void> {
    const everyLease = leaseKey({ household: parseHouseholdId(household), device: "*" as DeviceId });
    const script =
      "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end return redis.status_reply('OK')";
    await this.tellRedis(`EVAL "${script}" 0 ${everyLease}`);
  }

  async startRedis(): Promise<void> {
    this.redis = await this.servers.startRedis(this.redis.port);
  }

  /** @param options.wiped begins with an empty store. */
  async startNats(options: { readonly wiped?: boolean } = {}): Promise<void> {
    if (options.wiped === true) rmSync(join(this.nats.directory, "jetstream"), { recursive: true });
    this.nats = await this.servers.startNats(this.nats.port);
  }

  async startPostgres(): Promise<void> {
    const cluster = basename(this.postgres.directory);
    this.postgres = await this.servers.startPostgres(this.postgres.port, { cluster, settings: REPLICATED });
  }

  /** Everything runs again, whatever a fault has left behind when it failed half-way. */
  async repair(): Promise<void> {
    this.database.release();
    for (const server of [this.redis, this.nats, this.postgres]) resume(server);
    const ended = await Promise.all([this.redis, this.nats, this.postgres].map(hasEnded));
    if (ended[0] === true) await this.startRedis();
    if (ended[1] === true) await this.startNats();
    if (ended[2] === true) await this.startPostgres();
    const { services, coordinators } = this.constellation;
    for (const service of [...SERVICE_NAMES.map((name) => services[name]), ...coordinators]) {
      if (service.isSuspended) service.resume();
      if (!service.isRunning) await service.start();
    }
  }

  /** Copies what the servers and services have logged. */
  keepLogs(directory: string): void {
    mkdirSync(directory, { recursive: true });
    for (const folder of [this.constellation.folder, this.servers.folder]) {
      const holdsLogs = (path: string) => path === folder || ["redis", "nats"].includes(basename(path));
      cpSync(folder, directory, { recursive: true, filter: (path) => holdsLogs(path) || path.endsWith(".log") });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

/** SIGSTOP: the server stands still; its connections stay open. */
export function suspend({ pid }: LocalServer): void {
  process.kill(pid, "SIGSTOP");
}

/** SIGCONT; nothing happens to one that runs, or has ended. */
export function resume({ pid }: LocalServer): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // It is gone, which the caller finds out by itself.
  }
}

function hasEnded({ exited }: LocalServer): Promise<boolean> {
  return Promise.race([exited.then(() => true), sleep(0).then(() => false)]);
}
