import { type RpcConfig, rpcConfig, rpcRules, rpcVariables } from "@funkygibbon/rpc/config";
import {
  type Environment,
  integerVariable,
  LOG_LEVELS,
  parseConfig,
  type RuntimeConfig,
  runtimeConfig,
  runtimeVariables,
  secretVariable,
  textVariable,
  urlVariable,
} from "@funkygibbon/runtime/config";
import { z } from "zod";

/** What entity-store needs to know. */
export interface EntityStoreConfig {
  readonly runtime: RuntimeConfig;
  readonly rpc: RpcConfig;
  /** Authenticates page tokens; all replicas share it. */
  readonly tokenSecret: string;
  readonly databaseUrl: string;
  /** The role that statements run as: one that owns nothing, so that row level security binds it. */
  readonly databaseRole: string;
  /** The role of relay and sweeps, which sees the positions of all households and nothing that they say. */
  readonly relayRole: string;
  /** Connections for commits, which is how many transactions write at once. */
  readonly writers: number;
  /** Connections for everything that reads. */
  readonly readers: number;
  readonly natsUrl: string;
}

const DATABASE = {
  DATABASE_URL: urlVariable(["postgres", "postgresql"]),
  DATABASE_ROLE: textVariable("funkygibbon_app"),
};

const variables = z.object({
  ...runtimeVariables,
  ...rpcVariables,
  ...DATABASE,
  TOKEN_SECRET: secretVariable(),
  DATABASE_RELAY_ROLE: textVariable("funkygibbon_relay"),
  DATABASE_WRITERS: integerVariable({ min: 1, max: 64 }, 4),
  DATABASE_READERS: integerVariable({ min: 2, max: 256 }, 6),
  NATS_URL: textVariable(),
});

/** Reads the environment. @throws ConfigurationError with every problem. */
export function configureEntityStore(environment: Environment): EntityStoreConfig {
  const parsed = parseConfig(variables, environment, rpcRules);
  return {
    runtime: runtimeConfig(parsed),
    rpc: rpcConfig(parsed),
    tokenSecret: parsed.TOKEN_SECRET,
    databaseUrl: parsed.DATABASE_URL,
    databaseRole: parsed.DATABASE_ROLE,
    relayRole: parsed.DATABASE_RELAY_ROLE,
    writers: parsed.DATABASE_WRITERS,
    readers: parsed.DATABASE_READERS,
    natsUrl: parsed.NATS_URL,
  };
}

const commandVariables = z.object({
  ...DATABASE,
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`).default("info"),
});

/** What commands need to know: the database, as a login that owns it, and the role that is bound to a household. */
export function configureCommand(environment: Environment) {
  const parsed = parseConfig(commandVariables, environment);
  return { databaseUrl: parsed.DATABASE_URL, databaseRole: parsed.DATABASE_ROLE, logLevel: parsed.LOG_LEVEL };
}
