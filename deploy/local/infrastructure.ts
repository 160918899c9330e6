import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Say } from "./find-program.ts";
import { startNats } from "./nats-server.ts";
import type { PortSupply } from "./ports.ts";
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
  readonly servers: readonly LocalServer[];
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
  const { group, directory, ports, say, environment } = options;
  mkdirSync(join(directory, "logs"), { recursive: true });
  const postgres = () =>
    startPostgres({
      group,
      directory: join(directory, "postgres"),
      logFile: join(directory, "logs", "postgres.log"),
      password: options.databasePassword,
      ports,
      say,
    });
  const [database, redis, nats] = await allOrFirstFailure([
    given(environment.DATABASE_URL) ?? postgres(),
    given(environment.REDIS_URL) ?? startRedis({ group, directory: join(directory, "redis"), ports, say }),
    given(environment.NATS_URL) ?? startNats({ group, directory: join(directory, "nats"), ports, say }),
  ]);
  const servers = [database, redis, nats].filter(isOurs);
  return { databaseUrl: database.url, redisUrl: redis.url, natsUrl: nats.url, servers };
}

function given(url: string | undefined): { readonly url: string } | undefined {
  return url === undefined || url === "" ? undefined : { url };
}

function isOurs(server: { readonly url: string } | LocalServer): server is LocalServer {
  return "pid" in server;
}

/** Unlike Promise.all, returns only when nothing is on its way any more: what starts late must be there to be stopped. */
async function allOrFirstFailure<T extends readonly unknown[]>(
  starts: { [K in keyof T]: Promise<T[K]> | T[K] },
): Promise<T>;
async function allOrFirstFailure(starts: readonly unknown[]): Promise<readonly unknown[]> {
  const results = await Promise.allSettled(starts);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
