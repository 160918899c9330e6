import { must } from "@funkygibbon/kernel/must";
import { type RpcConfig, rpcConfig, rpcRules, rpcVariables } from "@funkygibbon/rpc/config";
import {
  type Environment,
  parseConfig,
  type RuntimeConfig,
  runtimeConfig,
  runtimeVariables,
  textVariable,
  urlVariable,
} from "@funkygibbon/runtime/config";
import { z } from "zod";

/** What conflict-resolution needs to know. */
export interface ConflictResolutionConfig {
  readonly runtime: RuntimeConfig;
  readonly rpc: RpcConfig;
  /** Our own credential, without which entity-store does not let us at conflicts. */
  readonly serviceTokenFile: string;
  readonly entityStoreUrl: string;
}

const variables = z.object({
  ...runtimeVariables,
  ...rpcVariables,
  SERVICE_TOKEN_FILE: textVariable(),
  ENTITY_STORE_URL: urlVariable(["http", "https"]),
});

/** Reads the environment. @throws ConfigurationError with every problem. */
export function configureConflictResolution(environment: Environment): ConflictResolutionConfig {
  const parsed = parseConfig(variables, environment, rpcRules);
  const rpc = rpcConfig(parsed);
  return {
    runtime: runtimeConfig(parsed),
    rpc,
    serviceTokenFile: must(rpc.serviceTokenFile, "the schema requires SERVICE_TOKEN_FILE"),
    entityStoreUrl: parsed.ENTITY_STORE_URL,
  };
}
