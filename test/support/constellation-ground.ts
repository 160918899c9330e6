import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Environment } from "@funkygibbon/runtime/config";
import { type LocalIssuer, openIssuer } from "../../deploy/local/issuer.ts";
import { writePrivateFile } from "../../deploy/local/private-file.ts";
import { openSecrets } from "../../deploy/local/secrets.ts";
import { createTestDatabase, type TestDatabase, testDatabaseAt } from "./test-database.ts";
import { createTestEvents, type TestEvents, testEventsAt } from "./test-events.ts";
import { createTestRedis, type TestRedis, testRedisAt } from "./test-redis.ts";

/** The four services, in the order in which they can start. */
export const SERVICE_NAMES = ["entity-store", "conflict-resolution", "sync-coordinator", "mcp-gateway"] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** Where the services of a constellation answer. */
export interface ConstellationUrls {
  readonly entityStore: string;
  readonly syncCoordinator: string;
  readonly conflictResolution: string;
  readonly mcpGateway: string;
}

/** Whose servers a constellation stands on, where it is not on servers of the test run; the latter are started when needed. */
export interface GroundOptions {
  /** A database with entity-store's schema. */
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly natsUrl?: string;
  /** More environment for every service. */
  readonly environment?: Environment;
}

/** What the services of one constellation share: servers, keys, secrets. */
export interface ConstellationGround extends AsyncDisposable {
  readonly issuer: LocalIssuer;
  readonly database: TestDatabase;
  readonly redis: TestRedis;
  readonly events: TestEvents;
  /** What this service finds in its environment. */
  environment(service: ServiceName, port: number, urls: Partial<ConstellationUrls>): Environment;
}

/** The folder with entity-store's migrations, for {@link createTestDatabase}. */
export const ENTITY_STORE_MIGRATIONS = fileURLToPath(
  new URL("../../services/entity-store/migrations", import.meta.url),
);

/** Prepares a private database, Redis, NATS account, issuer and secrets. Nothing of it is shared with another ground. */
export async function openGround(options: GroundOptions = {}): Promise<ConstellationGround> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-constellation-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [issuer, database, redis, events] = await Promise.all([
    openIssuer(folder),
    options.databaseUrl === undefined
      ? createTestDatabase({ migrations: ENTITY_STORE_MIGRATIONS })
      : testDatabaseAt(options.databaseUrl),
    options.redisUrl === undefined ? createTestRedis() : testRedisAt(options.redisUrl),
    options.natsUrl === undefined ? createTestEvents() : testEventsAt(options.natsUrl),
  ]);
  opened.use(database);
  opened.use(redis);
  opened.use(events);
  const secrets = openSecrets(folder);
  const tokenFile = (service: ServiceName) => join(folder, `${service}.jwt`);
  await Promise.all(
    SERVICE_NAMES.map(async (name) => writePrivateFile(tokenFile(name), await issuer.mintServiceToken(name))),
  );
  const stack = opened.move();
  return {
    issuer,
    database,
    redis,
    events,
    environment: (service, port, urls) => ({
      LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? "warn",
      PORT: String(port),
      AUTH_LOCAL_JWKS_FILE: issuer.jwksFile,
      AUTH_ISSUER: issuer.issuer,
      SERVICE_TOKEN_FILE: tokenFile(service),
      ACTOR_SECRET: secrets.actorSecret,
      TOKEN_SECRET: secrets.tokenSecret,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      NATS_URL: events.url,
      ENTITY_STORE_URL: urls.entityStore,
      SYNC_COORDINATOR_URL: urls.syncCoordinator,
      CONFLICT_RESOLUTION_URL: urls.conflictResolution,
      ...options.environment,
    }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A household that nobody else uses; with somebody else's servers only the name keeps runs apart. */
export function freshHousehold(name = "home"): string {
  return `${name}-${randomBytes(5).toString("hex")}`;
}
