import { createHmac } from "node:crypto";
import { connectEvents } from "@funkygibbon/events/connection";
import { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import { ChangeLogService } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { DeviceRegistryService } from "@funkygibbon/gen/funkygibbon/entity/v1/device_registry_service_pb";
import { connectRedis } from "@funkygibbon/redis/connection";
import { createTokenVerifier, serviceTokenSource } from "@funkygibbon/rpc/auth";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { startRpcServer } from "@funkygibbon/rpc/server";
import type { RunningService, ServiceContext } from "@funkygibbon/runtime/run-service";
import { EventfulClocks } from "./adapters/clock-raiser.ts";
import { SharedHouseholdFeeds } from "./adapters/household-feeds.ts";
import { NatsHouseholdEvents } from "./adapters/nats-household-events.ts";
import { RedisBindingCache } from "./adapters/redis-binding-cache.ts";
import { RedisLeases } from "./adapters/redis-leases.ts";
import { RedisLiveClocks } from "./adapters/redis-live-clocks.ts";
import { RedisPresence } from "./adapters/redis-presence.ts";
import { RedisRateLimits } from "./adapters/redis-rate-limits.ts";
import { RpcChangeLog } from "./adapters/rpc-change-log.ts";
import { RpcDeviceRegistry } from "./adapters/rpc-device-registry.ts";
import { RpcResolver } from "./adapters/rpc-resolver.ts";
import type { SyncCoordinatorConfig } from "./config.ts";
import { CursorCodec } from "./domain/cursor.ts";
import { FairShare } from "./domain/fair-share.ts";
import { FrameBudget } from "./handlers/frame-budget.ts";
import { HouseholdClocks } from "./handlers/household-clocks.ts";
import { Sessions } from "./handlers/sessions.ts";
import { syncService } from "./handlers/sync-service.ts";
import { syncTelemetry } from "./telemetry.ts";

/** sync-coordinator, answering. */
export interface SyncCoordinator extends RunningService {
  readonly port: number;
  /** `http://127.0.0.1:4402`. */
  readonly url: string;
  drain(): Promise<void>;
}

/** What the service says it is. */
export const SYNC_COORDINATOR_VERSION = "0.1.0";

/** Divergences bring up to three bodies for each change of a push. */
const MAX_STORE_MESSAGE_BYTES = 128 * 1024 * 1024;
/** A page has at most 1 MiB of bodies, and a push at most 4 MiB; anything slower than this is stuck. */
const STORE_DEADLINE_MS = 10_000;

/**
 * Connects to what is behind it and serves devices. Redis, NATS and the other services may be away at the start, and
 * later: calls say so, or do without.
 */
export async function startSyncCoordinator(
  config: SyncCoordinatorConfig,
  context: ServiceContext,
): Promise<SyncCoordinator> {
  const { log, telemetry, health, clock } = context;
  const { meter } = telemetry;
  await using opened = new AsyncDisposableStack();
  const events = syncTelemetry(telemetry, log);
  const serviceToken = serviceTokenSource(config.serviceTokenFile);
  const verifier = createTokenVerifier({ ...config.rpc.auth, clock });

  const toStore = { url: config.entityStoreUrl, serviceToken, log, deadlineMs: STORE_DEADLINE_MS };
  const store = opened.use(createRpcClient(ChangeLogService, { ...toStore, maxMessageBytes: MAX_STORE_MESSAGE_BYTES }));
  const registry = opened.use(createRpcClient(DeviceRegistryService, toStore));
  const resolver = opened.use(
    createRpcClient(ResolverService, {
      url: config.conflictResolutionUrl,
      serviceToken,
      log,
      maxMessageBytes: MAX_STORE_MESSAGE_BYTES,
    }),
  );
  const [redis, bus] = await Promise.all([
    connectRedis({ url: config.redisUrl, connectionName: "sync-coordinator", log, meter }),
    connectEvents({ url: config.natsUrl, connectionName: "sync-coordinator", log, meter }),
  ]);
  opened.use(redis);
  opened.use(bus);

  const changeLog = opened.use(new RpcChangeLog(store, log));
  const liveClocks = new EventfulClocks(new RedisLiveClocks(redis, events));
  const householdEvents = new NatsHouseholdEvents(bus, events);
  opened.use(householdEvents.onEveryCommit((event) => liveClocks.committed(event)));
  const feeds = opened.use(
    new SharedHouseholdFeeds({
      events: householdEvents,
      readLog: (query) => changeLog.read(query),
      clocks: liveClocks,
      telemetry: events,
      log,
    }),
  );
  const sessions = opened.use(new Sessions({ maxStreams: config.maxStreams, random: Math.random }));
  const service = syncService({
    changeLog,
    resolver: new RpcResolver(resolver),
    registry: new RpcDeviceRegistry(registry),
    leases: new RedisLeases(redis, clock, events),
    liveClocks,
    householdClocks: new HouseholdClocks(liveClocks, changeLog),
    rateLimits: new RedisRateLimits(redis, clock, events, config.budget),
    fairShare: new FairShare(),
    presence: new RedisPresence(redis, events),
    bindings: new RedisBindingCache(redis, events),
    announcements: householdEvents,
    feeds,
    sessions,
    frameBudget: new FrameBudget(config.frameBudgetBytes),
    cursors: new CursorCodec((bytes) => createHmac("sha256", config.tokenSecret).update(bytes).digest()),
    verifier,
    telemetry: events,
    clock,
    random: Math.random,
    log,
  });
  // Without it, every call behind us would be refused. Redis and NATS are no conditions: sync goes on without them.
  health.addReadinessCheck("service-credential", async () => void serviceToken());

  const server = opened.use(
    await startRpcServer({
      host: config.rpc.host,
      port: config.rpc.port,
      services: [service],
      verifier,
      health,
      log,
      telemetry,
      reflection: config.rpc.reflection,
      corsOrigins: config.rpc.corsOrigins,
      allowedHosts: config.rpc.allowedHosts,
      metricsPublic: config.rpc.metricsPublic,
    }),
  );

  const running = opened.move();
  return {
    port: server.port,
    url: server.url,
    drain: () => server.drain(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
