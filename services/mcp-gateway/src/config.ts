import { must } from "@funkygibbon/kernel/must";
import { type RpcConfig, rpcConfig, rpcRules, rpcVariables } from "@funkygibbon/rpc/config";
import {
  type Environment,
  flagVariable,
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
import type { ListenerLimits } from "./handlers/listeners.ts";
import type { ProtectedResource } from "./handlers/resource-metadata.ts";

/** What the gateway needs to know. */
export interface McpGatewayConfig {
  readonly runtime: RuntimeConfig;
  readonly rpc: RpcConfig;
  /** Signs the actors for whom we vouch; the services that we call verify them with the same secret. */
  readonly actorSecret: string;
  readonly serviceTokenFile: string;
  readonly entityStoreUrl: string;
  readonly syncCoordinatorUrl: string;
  readonly conflictResolutionUrl: string;
  readonly natsUrl: string;
  readonly resource: ProtectedResource;
  /** Offer reads only, whoever calls. */
  readonly readOnly: boolean;
  readonly userRequestsPerSecond: number;
  /** How many clients may listen to this replica. */
  readonly listenerLimits: ListenerLimits;
}

const HTTP = ["http", "https"] as const;

const variables = z.object({
  ...runtimeVariables,
  ...rpcVariables,
  ACTOR_SECRET: secretVariable(),
  SERVICE_TOKEN_FILE: textVariable(),
  ENTITY_STORE_URL: urlVariable(HTTP),
  SYNC_COORDINATOR_URL: urlVariable(HTTP),
  CONFLICT_RESOLUTION_URL: urlVariable(HTTP),
  MCP_PUBLIC_URL: urlVariable(HTTP)
    .refine((url) => new URL(url).pathname === "/mcp", "must end in /mcp")
    .optional(),
  MCP_READ_ONLY: flagVariable(false),
  MCP_USER_REQUESTS_PER_SECOND: integerVariable({ min: 1, max: 1_000_000 }, 50),
  MCP_MAX_LISTENERS: integerVariable({ min: 1, max: 100_000 }, 1_000),
  MCP_MAX_LISTENERS_PER_USER: integerVariable({ min: 1, max: 1_000 }, 20),
  NATS_URL: textVariable(),
});

/** Reads the environment. @throws ConfigurationError with every problem. */
export function configureMcpGateway(environment: Environment): McpGatewayConfig {
  const parsed = parseConfig(variables, environment, rpcRules);
  const rpc = rpcConfig(parsed);
  return {
    runtime: runtimeConfig(parsed),
    rpc,
    actorSecret: parsed.ACTOR_SECRET,
    serviceTokenFile: must(rpc.serviceTokenFile, "the schema requires SERVICE_TOKEN_FILE"),
    entityStoreUrl: parsed.ENTITY_STORE_URL,
    syncCoordinatorUrl: parsed.SYNC_COORDINATOR_URL,
    conflictResolutionUrl: parsed.CONFLICT_RESOLUTION_URL,
    natsUrl: parsed.NATS_URL,
    resource: {
      publicUrl: parsed.MCP_PUBLIC_URL,
      // A local key has an issuer that is only a name: there is nobody to get a token from but the runner.
      authorizationServers: isHttpUrl(rpc.auth.issuer) ? [rpc.auth.issuer] : [],
    },
    readOnly: parsed.MCP_READ_ONLY,
    userRequestsPerSecond: parsed.MCP_USER_REQUESTS_PER_SECOND,
    listenerLimits: { total: parsed.MCP_MAX_LISTENERS, perUser: parsed.MCP_MAX_LISTENERS_PER_USER },
  };
}

function isHttpUrl(text: string): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === "https:" || protocol === "http:";
}
