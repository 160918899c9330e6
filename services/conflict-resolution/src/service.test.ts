import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import { ConflictStoreService } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { notFound } from "@funkygibbon/kernel/errors";
import { createTokenVerifier, signActor } from "@funkygibbon/rpc/auth";
import type { CallContext } from "@funkygibbon/rpc/call";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { startRpcServer } from "@funkygibbon/rpc/server";
import { implement } from "@funkygibbon/rpc/service";
import { ConfigurationError } from "@funkygibbon/runtime/config";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { conflictToWire } from "@funkygibbon/wire/conflict";
import { describe, expect, it } from "vitest";
import { AUDIENCE, LOCAL_ISSUER, openIssuer } from "../../../deploy/local/issuer.ts";
import { buildConflictFile, CONFLICT_ID } from "../test/build-conflict.ts";
import { buildVersion } from "../test/build-version.ts";
import { configureConflictResolution } from "./config.ts";
import { startConflictResolution } from "./service.ts";

const ACTOR_SECRET = "a secret of at least thirty-two characters";

/** The service itself, with real tokens, before a store that answers little and remembers who called. */
async function startSystem() {
  const opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "conflict-resolution-"));
  opened.defer(() => rm(folder, { recursive: true }));
  const issuer = await openIssuer(folder);
  const serviceTokenFile = join(folder, "service.jwt");
  await writeFile(serviceTokenFile, await issuer.mintServiceToken("conflict-resolution"));
  const log = silentLogger();
  const telemetry = opened.use(startTelemetry({ service: "test", version: "test" }));
  const auth = {
    keys: { kind: "jwks-file", path: issuer.jwksFile },
    issuer: LOCAL_ISSUER,
    audience: AUDIENCE,
    maxTokenAgeSeconds: 43_200,
    actorSecret: ACTOR_SECRET,
  } as const;

  const calls: CallContext[] = [];
  const storeHealth = new Health();
  const store = opened.use(
    await startRpcServer({
      host: "127.0.0.1",
      port: 0,
      services: [storeOfOneConflict(calls)],
      verifier: createTokenVerifier(auth),
      health: storeHealth,
      log,
      telemetry,
    }),
  );
  storeHealth.markServing();

  const health = new Health();
  const config = configureConflictResolution({
    PORT: "0",
    AUTH_LOCAL_JWKS_FILE: issuer.jwksFile,
    AUTH_ISSUER: LOCAL_ISSUER,
    SERVICE_TOKEN_FILE: serviceTokenFile,
    ACTOR_SECRET,
    ENTITY_STORE_URL: store.url,
  });
  const context = { log, telemetry, health, clock: systemClock, signal: new AbortController().signal };
  const service = opened.use(await startConflictResolution(config, context));
  health.markServing();
  const serviceToken = await issuer.mintServiceToken("mcp-gateway");
  const connection = { url: service.url, log };
  return {
    calls,
    issuer,
    service,
    health,
    telemetry,
    users: opened.use(createRpcClient(ConflictService, connection)),
    gateway: opened.use(createRpcClient(ConflictService, { ...connection, serviceToken: () => serviceToken })),
    resolver: opened.use(createRpcClient(ResolverService, { ...connection, serviceToken: () => serviceToken })),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function storeOfOneConflict(calls: CallContext[]) {
  const local = buildVersion({ device: "ada-phone", at: 20, body: { brightness: 70 } });
  const { conflict } = buildConflictFile({ local });
  const missing = async () => {
    throw notFound("conflict", CONFLICT_ID);
  };
  return implement(ConflictStoreService, {
    access: "service",
    handlers: {
      async listConflicts(_request, call) {
        calls.push(call);
        return { conflicts: [conflictToWire(conflict)], nextPageToken: "" };
      },
      getConflict: missing,
      settleConflict: missing,
      listPolicies: async () => ({}),
      setPolicy: missing,
    },
  });
}

describe("conflict-resolution as a service", () => {
  it("reaches the store with its own credential and the user's token", async () => {
    await using system = await startSystem();
    const token = await system.issuer.mintToken({ user: "ada", household: "house-1", role: "member" });
    const { conflicts } = await system.users.listConflicts({}, { token, requestId: "request-1" });
    expect(conflicts.map(({ id }) => id)).toEqual([CONFLICT_ID]);
    expect(system.calls).toMatchObject([
      {
        identity: { user: "ada", household: "house-1" },
        service: { name: "conflict-resolution" },
        requestId: "request-1",
      },
    ]);
  });

  it("passes on an actor that a gateway vouches for", async () => {
    await using system = await startSystem();
    const actor = await signActor(
      { user: "ada", household: "house-1", role: "member", scopes: [], client: "claude" },
      { secret: ACTOR_SECRET, issuer: "service:mcp-gateway" },
    );
    await system.gateway.listConflicts({}, { actor });
    expect(system.calls[0]).toMatchObject({ identity: { user: "ada", client: "claude" } });
  });

  it("carries the store's answers on as they are", async () => {
    await using system = await startSystem();
    const token = await system.issuer.mintToken({ user: "ada", household: "house-1", role: "member" });
    const answer = system.users.getConflict({ id: CONFLICT_ID }, { token });
    await expect(answer).rejects.toMatchObject({ kind: "not-found", details: { id: CONFLICT_ID } });
  });

  it("is ready, resolves and counts without any store", async () => {
    await using system = await startSystem();
    expect(await system.health.check()).toMatchObject({ ready: true });
    await system.resolver.resolve({});
    expect(await system.telemetry.prometheusText()).toContain("funkygibbon_conflict_resolve_duration_seconds");
  });

  it("says every problem of its environment at once", () => {
    const configure = () => configureConflictResolution({ ENTITY_STORE_URL: "localhost", AUTH_ISSUER: "x" });
    expect(configure).toThrow(ConfigurationError);
    expect(configure).toThrow(/PORT.*SERVICE_TOKEN_FILE.*ENTITY_STORE_URL.*AUTH_JWKS_URL/s);
  });
});
