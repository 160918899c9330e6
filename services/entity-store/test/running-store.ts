import { createHmac, randomFillSync } from "node:crypto";
import { ActivityService } from "@funkygibbon/gen/funkygibbon/entity/v1/activity_service_pb";
import { ConflictStoreService } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { DomainError, unauthenticated } from "@funkygibbon/kernel/errors";
import { type Identity, ROLES } from "@funkygibbon/kernel/identity";
import { parseHouseholdId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import type { TokenVerifier } from "@funkygibbon/rpc/auth";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { startRpcServer } from "@funkygibbon/rpc/server";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import { expect } from "vitest";
import { createTestDatabase } from "../../../test/support/test-database.ts";
import { PostgresActivity } from "../src/adapters/postgres-activity.ts";
import { PostgresChangeLog } from "../src/adapters/postgres-change-log.ts";
import { PostgresConflicts } from "../src/adapters/postgres-conflicts.ts";
import { PostgresGraph } from "../src/adapters/postgres-graph.ts";
import { PostgresHistory } from "../src/adapters/postgres-history.ts";
import { foundingCommits, PostgresHouseholdFounding } from "../src/adapters/postgres-household-founding.ts";
import { PostgresHouseholds } from "../src/adapters/postgres-households.ts";
import { PostgresPolicies } from "../src/adapters/postgres-policies.ts";
import { PostgresSearch } from "../src/adapters/postgres-search.ts";
import { postgresProjection } from "../src/adapters/search-projection.ts";
import { startSearchProjector } from "../src/adapters/search-projector.ts";
import { READER_SETTINGS, WRITER_SETTINGS } from "../src/adapters/session-settings.ts";
import { PageTokens } from "../src/domain/page-token.ts";
import { activityService } from "../src/handlers/activity/activity-service.ts";
import { conflictStoreService } from "../src/handlers/conflict-store/conflict-store-service.ts";
import { entityService } from "../src/handlers/entity/entity-service.ts";
import { graphService } from "../src/handlers/graph/graph-service.ts";
import { relationshipService } from "../src/handlers/relationship/relationship-service.ts";
import type { StoreApi } from "../src/handlers/shared/store-api.ts";

/** The token of somebody with a role in a household; the user is named like both: `h1.owner`. */
export function tokenOf(household: string, role: Identity["role"] = "member"): string {
  return `${household}.${role}`;
}

const verifier: TokenVerifier = {
  async verifyUser(token) {
    return identityOf(token);
  },
  async verifyService(token) {
    return { name: token };
  },
  async verifyActor(token) {
    return { ...identityOf(token), client: "assistant" };
  },
};

function identityOf(token: string): Identity {
  const [household = "", name] = token.split(".");
  const role = ROLES.find((known) => known === name);
  if (role === undefined) throw unauthenticated("unknown token", "TOKEN_INVALID");
  return {
    household: parseHouseholdId(household),
    user: parseUserId(token),
    role,
    scopes: [],
    device: undefined,
    expiresAt: 9e15,
    client: undefined,
  };
}

/** The public API and ConflictStoreService on a real port over a database of their own; nothing is simulated but the tokens. */
export async function startStore() {
  await using opened = new AsyncDisposableStack();
  const log = silentLogger();
  const telemetry = opened.use(startTelemetry({ service: "entity-store", version: "0" }));
  const database = opened.use(await createTestDatabase({ migrations: "services/entity-store/migrations" }));
  const pool = database.open({ role: "funkygibbon_app", settings: READER_SETTINGS });
  const projector = opened.use(
    startSearchProjector({ project: postgresProjection(pool), findLagging: async () => [], log, quietMs: 1 }),
  );
  const changeLog = new PostgresChangeLog({
    database: database.open({ role: "funkygibbon_app", settings: WRITER_SETTINGS }),
    clock: systemClock,
    log,
    onCommit: ({ household }) => projector.noteCommit(household),
  });
  const api: StoreApi = {
    commits: foundingCommits(changeLog, new PostgresHouseholdFounding(pool, systemClock)),
    graph: new PostgresGraph(pool),
    history: new PostgresHistory(pool),
    activity: new PostgresActivity(pool),
    search: new PostgresSearch(pool),
    households: new PostgresHouseholds(pool),
    conflicts: new PostgresConflicts(pool),
    policies: new PostgresPolicies(pool),
    pageTokens: new PageTokens((text) => createHmac("sha256", "a secret").update(text).digest("base64url")),
    clock: systemClock,
    newRecordId: () => parseRecordId(uuidV7(systemClock.now(), randomFillSync(new Uint8Array(10)))),
  };
  const health = new Health();
  health.markServing();
  const services = [entityService, relationshipService, graphService, activityService, conflictStoreService].map(
    (service) => service(api),
  );
  const server = opened.use(
    await startRpcServer({ host: "127.0.0.1", port: 0, services, verifier, health, log, telemetry }),
  );
  const options = { url: server.url, log };
  const asService = { ...options, serviceToken: () => "conflict-resolution" };
  const running = {
    database,
    projector,
    commits: api.commits,
    entities: opened.use(createRpcClient(EntityService, options)),
    relationships: opened.use(createRpcClient(RelationshipService, options)),
    graph: opened.use(createRpcClient(GraphService, options)),
    activity: opened.use(createRpcClient(ActivityService, options)),
    conflicts: opened.use(createRpcClient(ConflictStoreService, asService)),
    /** ConflictStoreService without a service credential. */
    conflictsAsUser: opened.use(createRpcClient(ConflictStoreService, options)),
    /** EntityService as another service calls it, for example with an actor. */
    entitiesAsService: opened.use(createRpcClient(EntityService, asService)),
  };
  const moved = opened.move();
  return { ...running, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

/** A store that runs. */
export type RunningStore = Awaited<ReturnType<typeof startStore>>;

/** What a call failed with, reduced to what callers decide by. */
export async function failure(call: Promise<unknown>) {
  const error = await call.then(
    () => expect.fail("the call should have failed"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DomainError)) throw error;
  return {
    kind: error.kind,
    reason: error.reason,
    fields: error.fields.map(({ field }) => field),
    details: error.details,
  };
}
