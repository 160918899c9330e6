import { ConfigurationError, parseConfig } from "@funkygibbon/runtime/config";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { rpcConfig, rpcRules, rpcVariables } from "./config.ts";

const local = { PORT: "4401", AUTH_ISSUER: "local", AUTH_LOCAL_JWKS_FILE: "/keys/jwks.json" };

function read(environment: Record<string, string>) {
  return rpcConfig(parseConfig(z.object(rpcVariables), environment, rpcRules));
}

function problemsOf(environment: Record<string, string>) {
  try {
    return [read(environment)];
  } catch (error) {
    return error instanceof ConfigurationError ? error.problems.map(({ variable }) => variable) : [error];
  }
}

describe("rpcConfig", () => {
  it("believes a local key for twelve hours during development", () => {
    expect(read(local)).toMatchObject({
      host: "127.0.0.1",
      reflection: true,
      metricsPublic: false,
      auth: {
        keys: { kind: "jwks-file", path: "/keys/jwks.json" },
        audience: "funkygibbon",
        maxTokenAgeSeconds: 43_200,
      },
    });
  });

  it("believes a remote issuer for a quarter of an hour and hides reflection in production", () => {
    const production = { PORT: "1", AUTH_ISSUER: "x", AUTH_JWKS_URL: "https://issuer/jwks", NODE_ENV: "production" };
    expect(read(production)).toMatchObject({
      reflection: false,
      auth: { keys: { kind: "jwks-url", url: "https://issuer/jwks" }, maxTokenAgeSeconds: 900 },
    });
  });

  it("refuses a local key in production, two sources of keys, none, and a list that says everybody", () => {
    expect(problemsOf({ ...local, NODE_ENV: "production" })).toEqual(["AUTH_LOCAL_JWKS_FILE"]);
    expect(problemsOf({ ...local, AUTH_JWKS_URL: "https://issuer/jwks" })).toEqual(["AUTH_LOCAL_JWKS_FILE"]);
    expect(problemsOf({ PORT: "1", AUTH_ISSUER: "x" })).toEqual(["AUTH_JWKS_URL"]);
    expect(problemsOf({ ...local, CORS_ORIGINS: "*", ALLOWED_HOSTS: "*.example" })).toEqual([
      "CORS_ORIGINS",
      "ALLOWED_HOSTS",
    ]);
  });
});
