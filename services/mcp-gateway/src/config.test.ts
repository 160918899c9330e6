import { ConfigurationError } from "@funkygibbon/runtime/config";
import { expect, it } from "vitest";
import { configureMcpGateway } from "./config.ts";

const COMPLETE = {
  PORT: "4404",
  AUTH_LOCAL_JWKS_FILE: "/keys/jwks.json",
  AUTH_ISSUER: "funkygibbon-local",
  SERVICE_TOKEN_FILE: "/keys/mcp-gateway.jwt",
  ACTOR_SECRET: "an actor secret of more than thirty-two characters",
  ENTITY_STORE_URL: "http://127.0.0.1:4401",
  SYNC_COORDINATOR_URL: "http://127.0.0.1:4402",
  CONFLICT_RESOLUTION_URL: "http://127.0.0.1:4403",
  NATS_URL: "nats://127.0.0.1:4222",
};

it("reads a complete environment; a local issuer is nobody whom a client could ask for a token", () => {
  expect(configureMcpGateway(COMPLETE)).toMatchObject({
    rpc: { port: 4404, host: "127.0.0.1" },
    resource: { publicUrl: undefined, authorizationServers: [] },
    readOnly: false,
    userRequestsPerSecond: 50,
    listenerLimits: { total: 1_000, perUser: 20 },
  });
});

it("names the issuer as authorization server when it is one", () => {
  const { resource } = configureMcpGateway({
    ...COMPLETE,
    AUTH_ISSUER: "https://id.example",
    MCP_PUBLIC_URL: "https://home.example/mcp",
  });
  expect(resource).toEqual({
    publicUrl: "https://home.example/mcp",
    authorizationServers: ["https://id.example"],
  });
});

it("refuses to start and names every problem at once", () => {
  const configure = () =>
    configureMcpGateway({ ...COMPLETE, ACTOR_SECRET: "short", SERVICE_TOKEN_FILE: "", MCP_PUBLIC_URL: "https://x/" });
  expect(configure).toThrow(ConfigurationError);
  expect(configure).toThrow(/ACTOR_SECRET: /);
  expect(configure).toThrow(/SERVICE_TOKEN_FILE: /);
  expect(configure).toThrow(/MCP_PUBLIC_URL: must end in \/mcp/);
});
