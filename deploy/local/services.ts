import { join } from "node:path";
import type { LocalIssuer } from "./issuer.ts";
import { writePrivateFile } from "./private-file.ts";
import type { LocalSecrets } from "./secrets.ts";

/** The four services, in the order in which they start: each after those that it calls. */
export const SERVICES = [
  {
    name: "entity-store",
    key: "entityStore",
    portOffset: 1,
    serves: "EntityService, RelationshipService, GraphService",
  },
  { name: "conflict-resolution", key: "conflictResolution", portOffset: 3, serves: "ConflictService" },
  { name: "sync-coordinator", key: "syncCoordinator", portOffset: 2, serves: "SyncService" },
  { name: "mcp-gateway", key: "mcpGateway", portOffset: 4, serves: "MCP for AI assistants" },
] as const;

export type ServiceKey = (typeof SERVICES)[number]["key"];

/** Where the services answer. */
export type ServiceUrls = Readonly<Record<ServiceKey, string>>;

/** The addresses of the services of a system whose first port is `port`. */
export function serviceUrls(port: number): ServiceUrls {
  const at = (offset: number) => `http://127.0.0.1:${port + offset}`;
  return { entityStore: at(1), syncCoordinator: at(2), conflictResolution: at(3), mcpGateway: at(4) };
}

/** What all services of one system share. */
export interface SystemSettings {
  readonly dataFolder: string;
  readonly issuer: LocalIssuer;
  readonly secrets: LocalSecrets;
  readonly urls: ServiceUrls;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly natsUrl: string;
  /** Of the person who starts the system: LOG_LEVEL, CORS_ORIGINS and the like pass through. */
  readonly environment: NodeJS.ProcessEnv;
}

/** The environment of a service; for programs that are none it names no port. */
export function serviceEnvironment(service: string, settings: SystemSettings): NodeJS.ProcessEnv {
  const { urls, secrets, issuer } = settings;
  const own = SERVICES.find(({ name }) => name === service);
  return {
    ...inherited(settings.environment),
    // The local key is refused in production, whatever the shell says.
    NODE_ENV: "development",
    HOST: "127.0.0.1",
    ...(own === undefined ? {} : { PORT: new URL(urls[own.key]).port }),
    AUTH_LOCAL_JWKS_FILE: issuer.jwksFile,
    AUTH_ISSUER: issuer.issuer,
    SERVICE_TOKEN_FILE: credentialFile(settings.dataFolder, service),
    ACTOR_SECRET: secrets.actorSecret,
    TOKEN_SECRET: secrets.tokenSecret,
    DATABASE_URL: settings.databaseUrl,
    REDIS_URL: settings.redisUrl,
    NATS_URL: settings.natsUrl,
    ENTITY_STORE_URL: urls.entityStore,
    SYNC_COORDINATOR_URL: urls.syncCoordinator,
    CONFLICT_RESOLUTION_URL: urls.conflictResolution,
  };
}

/** Mints a credential for each service; services read theirs again when the file changes. */
export async function writeServiceCredentials(dataFolder: string, issuer: LocalIssuer): Promise<void> {
  for (const { name } of SERVICES) {
    writePrivateFile(credentialFile(dataFolder, name), await issuer.mintServiceToken(name));
  }
}

function credentialFile(dataFolder: string, service: string): string {
  return join(dataFolder, "keys", `${service}.jwt`);
}

/** What npm adds for its scripts is no business of a service, nor is a second source of keys. */
function inherited(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const dropped = (name: string) => name.startsWith("npm_") || name === "AUTH_JWKS_URL" || name === "LOG_FILE";
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !dropped(name)));
}
