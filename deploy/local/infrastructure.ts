import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { allSettledOrThrow } from "./all-settled-or-throw.ts";
import type { Say } from "./find-program.ts";
import { startNats } from "./nats-server.ts";
import { onlyPort, type PortSupply } from "./ports.ts";
import { startPostgres } from "./postgres-server.ts";
import type { ProcessGroup } from "./process-group.ts";
import { startRedis } from "./redis-server.ts";
import type { LocalServer } from "./server.ts";

/** The servers that the services stand on: ours, or somebody else's when the environment names them. */
export interface Infrastructure {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly natsUrl: string;
  /** Those that we started. */
  readonly servers: readonly OwnServer[];
}

/** A server that we started. */
export interface OwnServer {
  readonly server: LocalServer;
  /** Starts it again where it was, after it has ended. */
  startAgain(): Promise<LocalServer>;
}

/** Options of {@link startInfrastructure}. */
export interface InfrastructureOptions {
  readonly group: ProcessGroup;
  /** Each server has a folder of its own in here. */
  readonly directory: string;
  readonly ports: PortSupply;
  readonly databasePassword: string;
  /** `DATABASE_URL`, `REDIS_URL` and `NATS_URL` name servers to use instead of starting our own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly say: Say;
}

/** Finds or starts PostgreSQL, Redis and NATS, side by side, and returns when all three answer. @throws SetupError */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const { group, directory, say, environment } = options;
  mkdirSync(join(directory, "logs"), { recursive: true });
  const postgres = (ports: PortSupply) =>
    startPostgres({
      group,
      directory: join(directory, "postgres"),
      logFile: join(directory, "logs", "postgres.log"),
      password: options.databasePassword,
      ports,
      say,
    });
  const redis = (ports: PortSupply) => startRedis({ group, directory: join(directory, "redis"), ports, say });
  const nats = (ports: PortSupply) => startNats({ group, directory: join(directory, "nats"), ports, say });
  const own = async (start: (ports: PortSupply) => Promise<LocalServer>): Promise<Found> => {
    const server = await start(options.ports);
    return { url: server.url, own: { server, startAgain: () => start(onlyPort(server.port)) } };
  };
  const found = await allSettledOrThrow([
    given(environment.DATABASE_URL) ?? own(postgres),
    given(environment.REDIS_URL) ?? own(redis),
    given(environment.NATS_URL) ?? own(nats),
  ]);
  const [databaseUrl = "", redisUrl = "", natsUrl = ""] = found.map(({ url }) => url);
  const servers = found.flatMap(({ own: server }) => (server === undefined ? [] : [server]));
  return { databaseUrl, redisUrl, natsUrl, servers };
}

interface Found {
  readonly url: string;
  readonly own?: OwnServer;
}

function given(url: string | undefined): Found | undefined {
  return url === undefined || url === "" ? undefined : { url };
}
