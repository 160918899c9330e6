import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNats } from "../../deploy/local/nats-server.ts";
import { anyPorts, onlyPort } from "../../deploy/local/ports.ts";
import { startPostgres } from "../../deploy/local/postgres-server.ts";
import { ProcessGroup } from "../../deploy/local/process-group.ts";
import { startRedis } from "../../deploy/local/redis-server.ts";
import type { LocalServer } from "../../deploy/local/server.ts";
import { asSuperuser } from "./template-databases.ts";

/** What everything on Redis has to work on alike; the cluster has one node with all slots. */
export const REDIS_KINDS = ["one node", "a cluster"] as const;
export type RedisKind = (typeof REDIS_KINDS)[number];

/** Servers that belong to one test, which may stop, kill and start them as it likes. */
export interface OwnServers extends AsyncDisposable {
  /** @param port the port of a predecessor, to come back where clients look for it. */
  startRedis(port?: number, kind?: RedisKind): Promise<LocalServer>;
  startNats(port?: number): Promise<LocalServer>;
  /** @param options.cluster the name of its folder, default `postgres`; another one may stand beside it. */
  startPostgres(port?: number, options?: OwnPostgresOptions): Promise<LocalServer>;
  /** Where all of them have their folders. */
  readonly folder: string;
}

/** Which PostgreSQL, and how it is set. */
export interface OwnPostgresOptions {
  readonly cluster?: string;
  readonly settings?: Readonly<Record<string, string>>;
}

/** The superuser's password of every PostgreSQL here. */
export const OWN_PASSWORD = "of-one-test";

/** A place for servers of one test; all that still runs is stopped when it is disposed. */
export function ownServers(): OwnServers {
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-own-"));
  chmodSync(folder, 0o755);
  const group = new ProcessGroup({ temporaryFolder: folder });
  const common = (name: string, port: number | undefined) => ({
    group,
    directory: join(folder, name),
    ports: port === undefined ? anyPorts() : onlyPort(port),
    say: () => {},
  });
  return {
    startRedis: async (port, kind = "one node") => {
      const cluster = kind === "a cluster" ? { clusterBusPort: await anyPorts().next() } : {};
      return startRedis({ ...common("redis", port), ...cluster });
    },
    startNats: (port) => startNats(common("nats", port)),
    startPostgres: (port, { cluster = "postgres", settings = {} } = {}) =>
      startPostgres({
        ...common(cluster, port),
        logFile: join(folder, `${cluster}.log`),
        password: OWN_PASSWORD,
        settings,
      }),
    folder,
    [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
  };
}

/** Ends a server as a power cut would. */
export async function kill(server: LocalServer): Promise<void> {
  process.kill(server.pid, "SIGKILL");
  await server.exited;
}

/** Ends PostgreSQL as a power cut would: the postmaster together with every process of it. */
export async function killPostgres(server: LocalServer): Promise<void> {
  await asSuperuser(server.url, async (client) => {
    // While it is stopped it starts no process that would be missed here.
    process.kill(server.pid, "SIGSTOP");
    const { rows } = await client.query<{ pid: number }>("select pid from pg_stat_activity");
    for (const { pid } of rows) process.kill(pid, "SIGKILL");
    process.kill(server.pid, "SIGKILL");
  });
  await server.exited;
}
