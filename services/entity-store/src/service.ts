import { createHmac, randomFillSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { connectEvents } from "@funkygibbon/events/connection";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import { type ConnectionProbe, type DatabaseOptions, openDatabase } from "@funkygibbon/postgres/database";
import { requireSchema } from "@funkygibbon/postgres/migrations";
import { createTokenVerifier } from "@funkygibbon/rpc/auth";
import { startRpcServer } from "@funkygibbon/rpc/server";
import type { BoundService } from "@funkygibbon/rpc/service";
import type { RunningService, ServiceContext } from "@funkygibbon/runtime/run-service";
import { PostgresActivity } from "./adapters/postgres-activity.ts";
import { PostgresChangeLog } from "./adapters/postgres-change-log.ts";
import { PostgresConflicts } from "./adapters/postgres-conflicts.ts";
import { PostgresDeviceRegistry } from "./adapters/postgres-device-registry.ts";
import { PostgresGraph } from "./adapters/postgres-graph.ts";
import { PostgresHistory } from "./adapters/postgres-history.ts";
import { foundingCommits, PostgresHouseholdFounding } from "./adapters/postgres-household-founding.ts";
import { PostgresHouseholds } from "./adapters/postgres-households.ts";
import { PostgresLogReads } from "./adapters/postgres-log-reads.ts";
import { PostgresPolicies } from "./adapters/postgres-policies.ts";
import { PostgresSearch } from "./adapters/postgres-search.ts";
import { Relay } from "./adapters/relay.ts";
import { postgresProjection } from "./adapters/search-projection.ts";
import { laggingHouseholds, startSearchProjector } from "./adapters/search-projector.ts";
import { READER_SETTINGS, WRITER_SETTINGS } from "./adapters/session-settings.ts";
import type { EntityStoreConfig } from "./config.ts";
import { PageTokens } from "./domain/page-token.ts";
import { activityService } from "./handlers/activity/activity-service.ts";
import type { ChangeLogApi } from "./handlers/change-log/change-log-api.ts";
import { changeLogService } from "./handlers/change-log/change-log-service.ts";
import { conflictStoreService } from "./handlers/conflict-store/conflict-store-service.ts";
import { deviceRegistryService } from "./handlers/device-registry/device-registry-service.ts";
import { entityService } from "./handlers/entity/entity-service.ts";
import { graphService } from "./handlers/graph/graph-service.ts";
import { relationshipService } from "./handlers/relationship/relationship-service.ts";
import type { StoreApi } from "./handlers/shared/store-api.ts";
import { entityStoreTelemetry } from "./telemetry.ts";

/** entity-store, answering. */
export interface EntityStore extends RunningService {
  readonly port: number;
  /** `http://127.0.0.1:4401`. */
  readonly url: string;
  drain(): Promise<void>;
  /** Resolves when every commit so far is searchable; for tests and benchmarks. */
  projected(): Promise<void>;
}

/** What the service says it is. */
export const ENTITY_STORE_VERSION = "0.1.0";

/** Where the schema is. */
export const MIGRATIONS = fileURLToPath(new URL("../migrations", import.meta.url));

/** A push of the largest size brings its resolutions along, each with a merged body. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Opens everything and answers. Any number of replicas may run; they share the work of relay and projector by locks in the database. */
export async function startEntityStore(config: EntityStoreConfig, context: ServiceContext): Promise<EntityStore> {
  const { log, telemetry, health, clock } = context;
  await using opened = new AsyncDisposableStack();
  const open = (options: Partial<DatabaseOptions> & Pick<DatabaseOptions, "applicationName" | "maxConnections">) =>
    opened.use(openDatabase({ url: config.databaseUrl, role: config.databaseRole, log, ...options }));
  // Not the PostgreSQL of before: a failover may have lost commits that devices have seen. Readers ask as well, or a
  // device that comes back first would be told of the shorter log under the old epoch, and forget what it holds.
  const onConnect = async (connection: ConnectionProbe) => {
    const [row] = await connection.query<{ renewed: boolean }>("select check_cluster_identity() as renewed");
    if (row?.renewed === true) log.warn("epochs.renewed");
  };
  const writers = open({
    applicationName: "entity-store-commit",
    maxConnections: config.writers,
    settings: WRITER_SETTINGS,
    onConnect,
  });
  const readers = open({
    applicationName: "entity-store-read",
    maxConnections: config.readers,
    settings: READER_SETTINGS,
    meter: telemetry.meter,
    onConnect,
  });
  const positions = open({ applicationName: "entity-store-relay", maxConnections: 2, role: config.relayRole });
  await requireSchema(readers, MIGRATIONS);
  const events = opened.use(
    await connectEvents({ url: config.natsUrl, connectionName: "entity-store", log, meter: telemetry.meter }),
  );
  // NATS is missing here on purpose: everything goes on without it, only later.
  health.addReadinessCheck("database", () => readers.ping());

  const metrics = entityStoreTelemetry(telemetry);
  const relay = opened.use(new Relay({ database: positions, events, clock, log, onLag: metrics.relayLag }));
  const projector = opened.use(
    startSearchProjector({ project: postgresProjection(readers), findLagging: laggingHouseholds(positions), log }),
  );
  const changeLog = new PostgresChangeLog({
    database: writers,
    clock,
    log,
    lanes: config.writers,
    onGroup: metrics.groupCommitted,
    onCommit: (notice) => {
      relay.onCommit(notice);
      if (notice.lastSeq > 0) projector.noteCommit(notice.household);
    },
  });
  metrics.observeQueue(() => changeLog.depth);
  const founding = new PostgresHouseholdFounding(readers, clock);
  const commits = foundingCommits(changeLog, founding);
  const verifier = createTokenVerifier({ ...config.rpc.auth, clock });

  const api: StoreApi = {
    commits,
    graph: new PostgresGraph(readers),
    history: new PostgresHistory(readers),
    activity: new PostgresActivity(readers),
    search: new PostgresSearch(readers),
    households: new PostgresHouseholds(readers),
    conflicts: new PostgresConflicts(readers),
    policies: new PostgresPolicies(readers),
    pageTokens: new PageTokens((text) => createHmac("sha256", config.tokenSecret).update(text).digest("base64url")),
    clock,
    newRecordId: () => parseRecordId(uuidV7(clock.now(), randomFillSync(new Uint8Array(10)))),
  };
  const internal: ChangeLogApi = {
    commits,
    reads: new PostgresLogReads(readers),
    founding,
    verifyUser: (token) => verifier.verifyUser(token),
  };
  const server = opened.use(
    await startRpcServer({
      host: config.rpc.host,
      port: config.rpc.port,
      services: [
        ...publicServices(api),
        changeLogService(internal),
        deviceRegistryService(new PostgresDeviceRegistry(readers, clock)),
      ],
      verifier,
      health,
      log,
      telemetry,
      reflection: config.rpc.reflection,
      corsOrigins: config.rpc.corsOrigins,
      allowedHosts: config.rpc.allowedHosts,
      metricsPublic: config.rpc.metricsPublic,
      maxMessageBytes: MAX_MESSAGE_BYTES,
    }),
  );

  const running = opened.move();
  return {
    port: server.port,
    url: server.url,
    projected: () => projector.idle(),
    async drain() {
      await server.drain();
      await changeLog.whenIdle();
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function publicServices(api: StoreApi): BoundService[] {
  return [
    entityService(api),
    relationshipService(api),
    graphService(api),
    activityService(api),
    conflictStoreService(api),
  ];
}
