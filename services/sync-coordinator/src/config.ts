import { must } from "@funkygibbon/kernel/must";
import { parseRedisUrl, RedisAddressError } from "@funkygibbon/redis/address";
import { type RpcConfig, rpcConfig, rpcRules, rpcVariables } from "@funkygibbon/rpc/config";
import {
  type Environment,
  integerVariable,
  parseConfig,
  type RuntimeConfig,
  runtimeConfig,
  runtimeVariables,
  secretVariable,
  textVariable,
  urlVariable,
} from "@funkygibbon/runtime/config";
import { z } from "zod";

/** What the coordinator needs to know. */
export interface SyncCoordinatorConfig {
  readonly runtime: RuntimeConfig;
  readonly rpc: RpcConfig;
  /** Our own credential, without which the internal services answer nothing. */
  readonly serviceTokenFile: string;
  /** Authenticates cursors; all replicas share it. */
  readonly tokenSecret: string;
  readonly entityStoreUrl: string;
  readonly conflictResolutionUrl: string;
  readonly redisUrl: string;
  readonly natsUrl: string;
  /** Streams that this replica serves at once; more are turned away. */
  readonly maxStreams: number;
  /** Bytes of frames that may be in the hands of transports at once. */
  readonly frameBudgetBytes: number;
  /** What a device may do each second; a household may do five times that. */
  readonly budget: { readonly requestsPerSecond: number; readonly changesPerSecond: number };
}

const HTTP = ["http", "https"] as const;
const MIB = 1024 * 1024;

const variables = z.object({
  ...runtimeVariables,
  ...rpcVariables,
  SERVICE_TOKEN_FILE: textVariable(),
  TOKEN_SECRET: secretVariable(),
  ENTITY_STORE_URL: urlVariable(HTTP),
  CONFLICT_RESOLUTION_URL: urlVariable(HTTP),
  REDIS_URL: redisVariable(),
  NATS_URL: textVariable(),
  MAX_STREAMS: integerVariable({ min: 1, max: 1_000_000 }, 20_000),
  FRAME_BUDGET_MIB: integerVariable({ min: 4, max: 65_536 }, 128),
  DEVICE_REQUESTS_PER_SECOND: integerVariable({ min: 20, max: 1_000_000 }, 200),
  DEVICE_CHANGES_PER_SECOND: integerVariable({ min: 1_000, max: 100_000_000 }, 20_000),
});

/** One Redis, or a cluster; the problem says what is wrong with it. */
function redisVariable() {
  return z.string().superRefine((url, context) => {
    try {
      parseRedisUrl(url);
    } catch (error) {
      if (!(error instanceof RedisAddressError)) throw error;
      context.addIssue(error.message);
    }
  });
}

/** Reads the environment. @throws ConfigurationError with every problem. */
export function configureSyncCoordinator(environment: Environment): SyncCoordinatorConfig {
  const parsed = parseConfig(variables, environment, rpcRules);
  const rpc = rpcConfig(parsed);
  return {
    runtime: runtimeConfig(parsed),
    rpc,
    serviceTokenFile: must(rpc.serviceTokenFile, "the schema requires SERVICE_TOKEN_FILE"),
    tokenSecret: parsed.TOKEN_SECRET,
    entityStoreUrl: parsed.ENTITY_STORE_URL,
    conflictResolutionUrl: parsed.CONFLICT_RESOLUTION_URL,
    redisUrl: parsed.REDIS_URL,
    natsUrl: parsed.NATS_URL,
    maxStreams: parsed.MAX_STREAMS,
    frameBudgetBytes: parsed.FRAME_BUDGET_MIB * MIB,
    budget: {
      requestsPerSecond: parsed.DEVICE_REQUESTS_PER_SECOND,
      changesPerSecond: parsed.DEVICE_CHANGES_PER_SECOND,
    },
  };
}
