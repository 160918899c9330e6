import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EventBus } from "@funkygibbon/events/connection";
import { SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { type Clock, systemClock } from "@funkygibbon/kernel/clock";
import { createTokenVerifier } from "@funkygibbon/rpc/auth";
import { createRpcClient, type RpcClient } from "@funkygibbon/rpc/client";
import { type RpcServer, startRpcServer } from "@funkygibbon/rpc/server";
import type { Environment } from "@funkygibbon/runtime/config";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { type LocalIssuer, openIssuer, type TokenClaims } from "../../../deploy/local/issuer.ts";
import { writePrivateFile } from "../../../deploy/local/private-file.ts";
import { createTestEvents } from "../../../test/support/test-events.ts";
import { createTestRedis } from "../../../test/support/test-redis.ts";
import { configureSyncCoordinator } from "../src/config.ts";
import { type SyncCoordinator, startSyncCoordinator } from "../src/service.ts";
import { FakeStore } from "./fake-store.ts";
import { TestDevice } from "./test-device.ts";

/** A coordinator that answers, and a client of it. */
export interface RunningCoordinator extends AsyncDisposable {
  readonly service: SyncCoordinator;
  readonly client: RpcClient<typeof SyncService>;
  readonly url: string;
  prometheusText(): Promise<string>;
}

/** Coordinators on real Redis and NATS before a store in memory. */
export interface CoordinatorWorld extends AsyncDisposable {
  readonly store: FakeStore;
  readonly household: string;
  readonly issuer: LocalIssuer;
  readonly coordinator: RunningCoordinator;
  readonly events: EventBus;
  readonly redisUrl: string;
  readonly storeServer: RpcServer;
  /** What a coordinator of this world finds in its environment. */
  readonly environment: Environment;
  /** One more replica. @param clock what it takes for the time. */
  replica(environment?: Environment, clock?: Clock): Promise<RunningCoordinator>;
  token(claims?: Partial<TokenClaims>): Promise<string>;
  /** A device with an open stream that has not said hello. */
  device(name: string, options?: DeviceOptions): Promise<TestDevice>;
  /** A device that is up to date. */
  connected(name: string, options?: DeviceOptions): Promise<TestDevice>;
}

/** Who connects where. */
export interface DeviceOptions {
  readonly at?: Pick<RunningCoordinator, "client">;
  readonly claims?: Partial<TokenClaims>;
}

/** Builds a world; everything in it ends with it. @param options more environment for every coordinator. */
export async function coordinatorWorld(options: Environment = {}): Promise<CoordinatorWorld> {
  await using opened = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "funkygibbon-coordinator-"));
  opened.defer(() => rmSync(folder, { recursive: true, force: true }));
  const [issuer, redis, nats] = await Promise.all([openIssuer(folder), createTestRedis(), createTestEvents()]);
  opened.use(redis);
  opened.use(nats);
  const serviceTokenFile = join(folder, "service.jwt");
  writePrivateFile(serviceTokenFile, await issuer.mintServiceToken("sync-coordinator"));
  const events = await nats.connect();
  const store = new FakeStore(events);
  const storeServer = opened.use(await serveStore(store, issuer));

  // What tests open later, gone before what it stands on.
  const later = opened.use(new AsyncDisposableStack());
  const environment = {
    ...{ LOG_LEVEL: "silent", PORT: "0", AUTH_LOCAL_JWKS_FILE: issuer.jwksFile, AUTH_ISSUER: issuer.issuer },
    ...{ SERVICE_TOKEN_FILE: serviceTokenFile, TOKEN_SECRET: "a secret that all replicas of one test share" },
    ...{ ENTITY_STORE_URL: storeServer.url, CONFLICT_RESOLUTION_URL: storeServer.url },
    ...{ REDIS_URL: redis.url, NATS_URL: nats.url },
    ...options,
  };
  const replica = async (more: Environment = {}, clock: Clock = systemClock): Promise<RunningCoordinator> => {
    const running = await boot({ ...environment, ...more }, clock);
    later.use(running);
    return running;
  };
  const coordinator = await replica();
  const household = `home-${randomBytes(4).toString("hex")}`;
  const token = (claims: Partial<TokenClaims> = {}) =>
    issuer.mintToken({ user: "ada", household, role: "owner", ...claims });
  const device = async (name: string, { at = coordinator, claims = {} }: DeviceOptions = {}) =>
    later.use(new TestDevice(at.client, { token: await token(claims), device: name }));
  const connected = async (name: string, options: DeviceOptions = {}) => {
    const made = await device(name, options);
    await made.hello();
    await made.upToDate();
    return made;
  };
  const stack = opened.move();
  return {
    ...{ store, household, issuer, coordinator, events, redisUrl: redis.url, storeServer },
    ...{ environment, replica, token, device, connected },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function serveStore(store: FakeStore, issuer: LocalIssuer): Promise<RpcServer> {
  const health = new Health();
  health.markServing();
  return startRpcServer({
    ...{ host: "127.0.0.1", port: 0, services: store.services(), health, log: silentLogger() },
    telemetry: startTelemetry({ service: "fake-store", version: "test" }),
    verifier: createTokenVerifier({
      keys: { kind: "jwks-file", path: issuer.jwksFile },
      ...{ issuer: issuer.issuer, audience: "funkygibbon", maxTokenAgeSeconds: 43_200 },
    }),
  });
}

async function boot(environment: Environment, clock: Clock): Promise<RunningCoordinator> {
  const telemetry = startTelemetry({ service: "sync-coordinator", version: "test" });
  const health = new Health();
  const stopping = new AbortController();
  const service = await startSyncCoordinator(configureSyncCoordinator(environment), {
    ...{ log: silentLogger(), telemetry, health, clock, signal: stopping.signal },
  });
  health.markServing();
  const client = createRpcClient(SyncService, { url: service.url, log: silentLogger(), deadlineMs: 15_000 });
  return {
    ...{ service, client, url: service.url },
    prometheusText: () => telemetry.prometheusText(),
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      await telemetry[Symbol.asyncDispose]();
    },
  };
}
