import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { createRpcClient, type RpcClient } from "@funkygibbon/rpc/client";
import type { Environment, LogLevel } from "@funkygibbon/runtime/config";
import { silentLogger } from "@funkygibbon/runtime/log";
import { openIssuer } from "../../deploy/local/issuer.ts";
import { anyPorts } from "../../deploy/local/ports.ts";
import { writePrivateFile } from "../../deploy/local/private-file.ts";
import { ProcessGroup } from "../../deploy/local/process-group.ts";
import { openSecrets } from "../../deploy/local/secrets.ts";
import { startServer } from "../../deploy/local/server.ts";
import { SERVICE_NODE_OPTIONS } from "../../deploy/local/service-memory.ts";
import { localInfrastructure } from "../support/infrastructure.ts";
import { asSuperuser } from "../support/template-databases.ts";
import { createBenchDatabase } from "./bench-database.ts";

const SERVICES = ["entity-store", "conflict-resolution", "sync-coordinator", "mcp-gateway"] as const;
type BenchService = (typeof SERVICES)[number];

/** The system as it runs in production: each service a process, PostgreSQL with its defaults, durable commits. */
export interface BenchSystem extends AsyncDisposable {
  /** A superuser's URL of the database that entity-store uses. */
  readonly databaseUrl: string;
  readonly urls: Readonly<Record<BenchService, string>>;
  readonly pids: Readonly<Record<BenchService, number>>;
  /** Where each service writes its log. */
  readonly logFiles: Readonly<Record<BenchService, string>>;
  /** CPU seconds that each service has used so far; 0 where the operating system does not say. */
  cpuSeconds(): Readonly<Record<BenchService, number>>;
  /** A client over grpc-js; those of one system share a connection. */
  connect(): RpcClient<typeof SyncService>;
  /** A household that nobody has seen yet, and its owner's token. */
  household(): Promise<{ readonly id: string; readonly token: string }>;
  /** The credential of a service, for its calls of another one. */
  serviceToken(name: BenchService): Promise<string>;
  /** Resolves when what follows the logs, search and relay, has caught up with them: the next measurement is its own. */
  settled(): Promise<void>;
}

/**
 * Starts servers and services; DATABASE_URL, REDIS_URL and NATS_URL of the environment are used where given.
 * @param options.logLevel of the services; at `debug` their logs tell how long each call has taken.
 * @param options.environment more of it, for every service.
 */
export async function startBenchSystem(
  options: { readonly logLevel?: LogLevel; readonly environment?: Environment } = {},
): Promise<BenchSystem> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-bench-"));
  chmodSync(folder, 0o755);
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const infrastructure = opened.use(localInfrastructure(process.env));
  const [postgres, redis, nats, issuer] = await Promise.all([
    infrastructure.postgres(),
    infrastructure.redis(),
    infrastructure.nats(),
    openIssuer(folder),
  ]);
  const database = opened.use(await createBenchDatabase(postgres));
  const secrets = openSecrets(folder);
  const group = opened.use(new ProcessGroup({ temporaryFolder: folder }));
  const ports = anyPorts();
  const urlOf = async () => `http://127.0.0.1:${await ports.next()}`;
  const urls = {
    "entity-store": await urlOf(),
    "conflict-resolution": await urlOf(),
    "sync-coordinator": await urlOf(),
    "mcp-gateway": await urlOf(),
  };
  const shared: Environment = {
    PATH: process.env.PATH,
    LOG_LEVEL: process.env.BENCH_LOG_LEVEL ?? options.logLevel ?? "warn",
    NODE_OPTIONS: `${SERVICE_NODE_OPTIONS} ${process.env.BENCH_NODE_OPTIONS ?? ""}`,
    // As with npm start: without it, what compiles the services stays in their memory.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    AUTH_LOCAL_JWKS_FILE: issuer.jwksFile,
    AUTH_ISSUER: issuer.issuer,
    ACTOR_SECRET: secrets.actorSecret,
    TOKEN_SECRET: secrets.tokenSecret,
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    NATS_URL: nats.accounts === 0 ? nats.url : nats.url.replace("nats://", "nats://t1:t1@"),
    ENTITY_STORE_URL: urls["entity-store"],
    CONFLICT_RESOLUTION_URL: urls["conflict-resolution"],
    SYNC_COORDINATOR_URL: urls["sync-coordinator"],
    ...options.environment,
  };
  const logFileOf = (name: BenchService) => join(process.env.BENCH_FOLDER ?? folder, `${name}.log`);
  const start = async (name: BenchService) => {
    const tokenFile = join(folder, `${name}.jwt`);
    writePrivateFile(tokenFile, await issuer.mintServiceToken(name));
    const running = await startServer(group, {
      name,
      command: process.execPath,
      args: [fileURLToPath(new URL(`../../services/${name}/src/main.ts`, import.meta.url))],
      cwd: process.env.BENCH_FOLDER ?? folder,
      env: { ...shared, PORT: new URL(urls[name]).port, SERVICE_TOKEN_FILE: tokenFile },
      logFile: logFileOf(name),
      stopSignal: "SIGTERM",
      stopWithinMs: 12_000,
      isReady: () => isReady(urls[name]),
      readyWithinMs: 30_000,
    });
    return running.pid;
  };
  const pids = {
    "entity-store": await start("entity-store"),
    "conflict-resolution": await start("conflict-resolution"),
    "sync-coordinator": await start("sync-coordinator"),
    "mcp-gateway": await start("mcp-gateway"),
  };
  const clients = opened.use(new AsyncDisposableStack());
  const stack = opened.move();
  return {
    databaseUrl: database.url,
    urls,
    pids,
    logFiles: {
      "entity-store": logFileOf("entity-store"),
      "conflict-resolution": logFileOf("conflict-resolution"),
      "sync-coordinator": logFileOf("sync-coordinator"),
      "mcp-gateway": logFileOf("mcp-gateway"),
    },
    cpuSeconds: () => ({
      "entity-store": cpuSecondsOf(pids["entity-store"]),
      "conflict-resolution": cpuSecondsOf(pids["conflict-resolution"]),
      "sync-coordinator": cpuSecondsOf(pids["sync-coordinator"]),
      "mcp-gateway": cpuSecondsOf(pids["mcp-gateway"]),
    }),
    connect() {
      const options = { url: urls["sync-coordinator"], log: silentLogger(), deadlineMs: 30_000 };
      return clients.use(createRpcClient(SyncService, options));
    },
    async household() {
      const id = `bench-${randomBytes(5).toString("hex")}`;
      return { id, token: await issuer.mintToken({ user: "ada", household: id, role: "owner" }) };
    },
    serviceToken: (name) => issuer.mintServiceToken(name),
    async settled() {
      await asSuperuser(database.url, async (client) => {
        while ((await client.query(LAGGING)).rowCount !== 0) await sleep(50);
      });
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const LAGGING = `select from households h join relay_positions r using (household_id)
  left join search_positions s using (household_id)
  where h.head_seq > least(r.relayed_seq, coalesce(s.projected_seq, 0))`;

/** Resident memory of a process in KB; 0 where the operating system does not say. */
export function residentKb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** User and system time in clock ticks, of which Linux has a hundred in a second. */
function cpuSecondsOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
