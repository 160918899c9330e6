import {
  type ConfigurationRule,
  flagVariable,
  integerVariable,
  listVariable,
  portVariable,
  secretVariable,
  textVariable,
  urlVariable,
} from "@funkygibbon/runtime/config";
import { z } from "zod";
import type { TokenVerifierOptions } from "./auth.ts";

/** What {@link rpcConfig} reads; spread it into a service's own variables, with {@link rpcRules} as rules. */
export const rpcVariables = {
  NODE_ENV: z.string().optional(),
  HOST: textVariable("127.0.0.1"),
  PORT: portVariable(),
  AUTH_JWKS_URL: urlVariable(["https", "http"]).optional(),
  AUTH_LOCAL_JWKS_FILE: z.string().optional(),
  AUTH_ISSUER: textVariable(),
  AUTH_AUDIENCE: textVariable("funkygibbon"),
  AUTH_MAX_TOKEN_AGE: integerVariable({ min: 1, max: 604_800 }).optional(),
  SERVICE_TOKEN_FILE: z.string().optional(),
  ACTOR_SECRET: secretVariable().optional(),
  CORS_ORIGINS: listVariable(),
  ALLOWED_HOSTS: listVariable(),
  METRICS_PUBLIC: flagVariable(false),
  RPC_REFLECTION: flagVariable().optional(),
};

/** Rules between the variables: exactly one source of keys, and a local one never in production. */
export const rpcRules: readonly ConfigurationRule[] = [
  (environment) => {
    const { AUTH_JWKS_URL: url, AUTH_LOCAL_JWKS_FILE: file, NODE_ENV: mode } = environment;
    if (url === undefined && file === undefined) {
      return [{ variable: "AUTH_JWKS_URL", problem: "is required (or AUTH_LOCAL_JWKS_FILE for development)" }];
    }
    if (url !== undefined && file !== undefined) {
      return [{ variable: "AUTH_LOCAL_JWKS_FILE", problem: "cannot be combined with AUTH_JWKS_URL" }];
    }
    if (file !== undefined && mode === "production") {
      return [{ variable: "AUTH_LOCAL_JWKS_FILE", problem: "is for development; production needs AUTH_JWKS_URL" }];
    }
    return [];
  },
];

/** How a service serves its port and whom it believes. */
export interface RpcConfig {
  readonly host: string;
  readonly port: number;
  readonly auth: Omit<TokenVerifierOptions, "clock">;
  /** File of our own service credential; undefined for a service that calls no internal one. */
  readonly serviceTokenFile: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly metricsPublic: boolean;
  readonly reflection: boolean;
}

const REMOTE_MAX_TOKEN_AGE_SECONDS = 900;
const LOCAL_MAX_TOKEN_AGE_SECONDS = 43_200;

/** Names the parsed {@link rpcVariables}. */
export function rpcConfig(variables: z.output<z.ZodObject<typeof rpcVariables>>): RpcConfig {
  const local = variables.AUTH_LOCAL_JWKS_FILE;
  return {
    host: variables.HOST,
    port: variables.PORT,
    auth: {
      keys:
        local === undefined
          ? { kind: "jwks-url", url: variables.AUTH_JWKS_URL ?? "" }
          : { kind: "jwks-file", path: local },
      issuer: variables.AUTH_ISSUER,
      audience: variables.AUTH_AUDIENCE,
      maxTokenAgeSeconds:
        variables.AUTH_MAX_TOKEN_AGE ??
        (local === undefined ? REMOTE_MAX_TOKEN_AGE_SECONDS : LOCAL_MAX_TOKEN_AGE_SECONDS),
      actorSecret: variables.ACTOR_SECRET,
    },
    serviceTokenFile: variables.SERVICE_TOKEN_FILE,
    corsOrigins: variables.CORS_ORIGINS,
    allowedHosts: variables.ALLOWED_HOSTS,
    metricsPublic: variables.METRICS_PUBLIC,
    reflection: variables.RPC_REFLECTION ?? variables.NODE_ENV !== "production",
  };
}
