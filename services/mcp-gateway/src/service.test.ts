import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import {
  type Entity,
  EntitySchema,
  EntityService,
  type UpdateEntityRequest,
} from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { EntityType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { DomainError, notFound } from "@funkygibbon/kernel/errors";
import { createTokenVerifier } from "@funkygibbon/rpc/auth";
import { type RpcServer, startRpcServer } from "@funkygibbon/rpc/server";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { AUDIENCE, LOCAL_ISSUER, type LocalIssuer, openIssuer } from "../../../deploy/local/issuer.ts";
import { configureMcpGateway } from "./config.ts";
import { type McpGateway, startMcpGateway } from "./service.ts";
import { connectMcp } from "./testing/endpoint-under-test.ts";
import { type RecordedCall, recordingService } from "./testing/recording-services.ts";
import { testContext } from "./testing/service-context.ts";

const ACTOR_SECRET = "an actor secret of more than thirty-two characters";
const LAMP = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";

const opened = new AsyncDisposableStack();
const calls: RecordedCall[] = [];
let issuer: LocalIssuer;
let backend: RpcServer;
let gateway: McpGateway;
let client: Client;

function lamp(change: Partial<Entity> = {}): Entity {
  return create(EntitySchema, {
    id: LAMP,
    type: EntityType.DEVICE,
    source: SourceType.MCP,
    name: "Lamp",
    bodyJson: '{"name":"Lamp"}',
    version: "2026-11-22T09:41:02.581Z-mcp.1c5a9b7e-000417",
    etag: '"417"',
    author: "ada",
    createTime: timestampFromDate(new Date("2026-11-22T09:41:02.581Z")),
    updateTime: timestampFromDate(new Date("2026-11-22T09:41:02.581Z")),
    ...change,
  });
}

const entityHandlers = {
  getEntity: async ({ id }: { id: string }) => {
    if (id !== LAMP) throw notFound("entity", id);
    return { entity: lamp() };
  },
  updateEntity: async ({ etag, bodyJson }: UpdateEntityRequest) => {
    if (etag === "*") return { entity: lamp({ etag: '"418"', bodyJson }) };
    throw new DomainError("stale", "stale etag", { reason: "ETAG_MISMATCH", details: { etag: '"417"' } });
  },
};

async function startBackend(port: number): Promise<RpcServer> {
  const context = testContext("backend");
  context.health.markServing();
  return startRpcServer({
    host: "127.0.0.1",
    port,
    ...context,
    verifier: createTokenVerifier({
      keys: { kind: "jwks-file", path: issuer.jwksFile },
      issuer: LOCAL_ISSUER,
      audience: AUDIENCE,
      maxTokenAgeSeconds: 43_200,
      actorSecret: ACTOR_SECRET,
    }),
    services: [
      recordingService(EntityService, entityHandlers, calls),
      recordingService(GraphService, { searchEntities: async () => ({ hits: [] }) }, calls),
      recordingService(RelationshipService, {}, calls),
      recordingService(ConflictService, {}, calls),
      recordingService(
        SyncService,
        { listDevices: async () => ({ devices: [] }), requestSync: async () => ({ devicesAsked: 0 }) },
        calls,
      ),
    ],
  });
}

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
  opened.defer(() => rmSync(folder, { recursive: true }));
  issuer = await openIssuer(folder);
  const serviceTokenFile = join(folder, "mcp-gateway.jwt");
  writeFileSync(serviceTokenFile, await issuer.mintServiceToken("mcp-gateway"));
  backend = await startBackend(0);
  opened.defer(() => backend[Symbol.asyncDispose]());
  const context = opened.use(testContext("mcp-gateway"));
  gateway = opened.use(
    await startMcpGateway(
      configureMcpGateway({
        PORT: "0",
        AUTH_LOCAL_JWKS_FILE: issuer.jwksFile,
        AUTH_ISSUER: LOCAL_ISSUER,
        SERVICE_TOKEN_FILE: serviceTokenFile,
        ACTOR_SECRET,
        ENTITY_STORE_URL: backend.url,
        SYNC_COORDINATOR_URL: backend.url,
        CONFLICT_RESOLUTION_URL: backend.url,
        // Nobody there: only subscriptions miss it.
        NATS_URL: "nats://127.0.0.1:1",
      }),
      context,
    ),
  );
  context.health.markServing();
  const token = await issuer.mintToken({ user: "ada", household: "villa", role: "member" });
  client = await connectMcp(new URL("/mcp", gateway.url), token);
  opened.defer(() => client.close());
});
afterAll(() => opened.disposeAsync());
beforeEach(() => {
  calls.length = 0;
});

it("vouches for the user with its own credential and never passes on their token", async () => {
  const result = await client.callTool({
    name: "update_entity",
    arguments: { entity_id: LAMP, content: { on: true } },
  });
  expect(result.isError).toBeUndefined();
  expect(calls.map(({ method }) => method)).toEqual(["GetEntity", "UpdateEntity"]);
  for (const call of calls) {
    expect(call).toMatchObject({
      service: "mcp-gateway",
      authorization: undefined,
      identity: {
        user: "ada",
        household: "villa",
        role: "member",
        scopes: ["home:read", "home:write"],
        client: "Test Assistant",
      },
    });
  }
});

it("writes the named keys only, under an origin and a request id by which the call is found again", async () => {
  const result = await client.callTool({
    name: "update_entity",
    arguments: { entity_id: LAMP, content: { name: "Pendant", on: null }, remove: ["colour"], dry_run: true },
  });
  const { call_id: callId } = result.structuredContent as { call_id: string };
  expect(calls.at(-1)).toMatchObject({
    requestId: callId,
    request: {
      id: LAMP,
      etag: "*",
      bodyJson: '{"name":"Pendant","on":null}',
      updateMask: { paths: ["name", "on", "colour"] },
      requestId: callId,
      validateOnly: true,
      origin: { channel: "mcp", clientName: "Test Assistant", tool: "update_entity", callId },
    },
  });
});

it("hands on what the store said of a stale etag", async () => {
  const result = await client.callTool({
    name: "update_entity",
    arguments: { entity_id: LAMP, content: { on: true }, etag: '"1"' },
  });
  expect(result).toMatchObject({ isError: true, _meta: { "funkygibbon.dev/error": { reason: "ETAG_MISMATCH" } } });
  expect(result.content).toMatchObject([{ text: expect.stringContaining('Its etag is now "417"') }]);
});

it("refuses expired tokens, other audiences and service credentials at its door", async () => {
  const claims = { user: "ada", household: "villa", role: "member" } as const;
  const refused = [
    await issuer.mintToken({ ...claims, ttlSeconds: -60 }),
    await issuer.mintToken({ ...claims, audience: "another-service" }),
    await issuer.mintServiceToken("entity-store"),
  ];
  for (const token of refused) {
    const response = await fetch(new URL("/mcp", gateway.url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: "{}",
    });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain("resource_metadata=");
  }
  expect(calls).toEqual([]);
});

it("says that the graph is away while its services are, and works again when they are back", async () => {
  const { port } = backend;
  await backend[Symbol.asyncDispose]();
  const away = await client.callTool({
    name: "get_entity_details",
    arguments: { entity: LAMP, relationship_limit: 1 },
  });
  expect(away).toMatchObject({ isError: true, _meta: { "funkygibbon.dev/error": { reason: "UNAVAILABLE" } } });
  backend = await startBackend(port);
  await expect
    .poll(() => client.callTool({ name: "sync_now", arguments: {} }), { interval: 200 })
    .toMatchObject({ structuredContent: { devices_asked: 0 } });
});

it("is ready, shows its metrics and offers no RPC service of its own", async () => {
  const ready = await fetch(new URL("/healthz", gateway.url));
  expect(await ready.json()).toEqual({ state: "serving", ready: true, checks: { "service-credential": "ok" } });
  const metrics = await (await fetch(new URL("/metrics", gateway.url))).text();
  expect(metrics).toMatch(/funkygibbon_mcp_tool_calls_total\{tool="update_entity",outcome="done"[^}]*\} \d+/);
  expect(metrics).not.toContain("villa");
});
