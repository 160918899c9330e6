import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startNats } from "../../deploy/local/nats-server.ts";
import { anyPorts } from "../../deploy/local/ports.ts";
import { startPostgres } from "../../deploy/local/postgres-server.ts";
import { ProcessGroup } from "../../deploy/local/process-group.ts";
import { startRedis } from "../../deploy/local/redis-server.ts";
import { findChromium } from "./find-chromium.ts";

/** The servers of one test run. Each starts when it is first asked for, so a run of pure tests starts none. */
export interface TestInfrastructure extends AsyncDisposable {
  /** URL of a superuser. */
  postgres(): Promise<string>;
  redis(): Promise<TestRedis>;
  nats(): Promise<TestNats>;
  /** The program of a browser. */
  chromium(): Promise<string>;
}

/** Redis, and how many numbered databases it has. */
export interface TestRedis {
  readonly url: string;
  readonly databases: number;
}

/** NATS, and how many accounts `t1` … `t<n>` (password like the name) it has: each is a world of its own. */
export interface TestNats {
  readonly url: string;
  readonly accounts: number;
}

const ACCOUNTS = 500;
const REDIS_DATABASES = 1_000;

/** Servers from the same finder as the runner's, or those that DATABASE_URL, REDIS_URL and NATS_URL name. */
export function localInfrastructure(environment: NodeJS.ProcessEnv): TestInfrastructure {
  const own = lazily(() => startGroup());
  const say = (sentence: string) => console.error(`tests: ${sentence}`);
  const postgres = lazily(async () => {
    if (environment.DATABASE_URL) return environment.DATABASE_URL;
    const { group, folder } = await own();
    const server = await startPostgres({
      group,
      directory: join(folder, "postgres"),
      logFile: join(folder, "postgres.log"),
      password: randomBytes(16).toString("hex"),
      ports: anyPorts(),
      say,
      // What is not on disk yet survives a killed process all the same; tests take the power from no machine.
      settings: { max_connections: "300", fsync: "off", full_page_writes: "off" },
    });
    return server.url;
  });
  const redis = lazily(async () => {
    if (environment.REDIS_URL) return { url: environment.REDIS_URL, databases: 16 };
    const { group, folder } = await own();
    const server = await startRedis({
      group,
      directory: join(folder, "redis"),
      ports: anyPorts(),
      say,
      databases: REDIS_DATABASES,
    });
    return { url: server.url, databases: REDIS_DATABASES };
  });
  const nats = lazily(async () => {
    if (environment.NATS_URL) return { url: environment.NATS_URL, accounts: 0 };
    const { group, folder } = await own();
    const configuration = natsAccounts();
    const server = await startNats({ group, directory: join(folder, "nats"), ports: anyPorts(), say, configuration });
    return { url: server.url, accounts: ACCOUNTS };
  });
  return {
    postgres,
    redis,
    nats,
    chromium: lazily(() => findChromium(environment, say)),
    async [Symbol.asyncDispose]() {
      if (own.started) await (await own()).group[Symbol.asyncDispose]();
    },
  };
}

/** Configuration lines that give NATS its test accounts. */
export function natsAccounts(): string {
  const names = Array.from({ length: ACCOUNTS }, (_, index) => `t${index + 1}`);
  const accounts = names.map(
    (name) => `  ${name} { jetstream: enabled, users: [{ user: ${name}, password: ${name} }] }`,
  );
  return `accounts {\n${accounts.join("\n")}\n}`;
}

/** A function that works once, when first called, and keeps the result; a failure is kept as well. */
export function lazily<T>(make: () => T): (() => T) & { readonly started: boolean } {
  let made: { value: T } | undefined;
  const get = () => {
    made ??= { value: make() };
    return made.value;
  };
  return Object.defineProperty(get, "started", { get: () => made !== undefined }) as (() => T) & { started: boolean };
}

async function startGroup() {
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-test-"));
  // PostgreSQL may run as another user, who has to get in.
  chmodSync(folder, 0o755);
  return { group: new ProcessGroup({ temporaryFolder: folder }), folder };
}
