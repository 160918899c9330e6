import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import { DomainError, notFound, unauthenticated } from "@funkygibbon/kernel/errors";
import { type Identity, ROLES } from "@funkygibbon/kernel/identity";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import type { ConflictPolicy } from "@funkygibbon/kernel/record";
import type { TokenVerifier } from "@funkygibbon/rpc/auth";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { startRpcServer } from "@funkygibbon/rpc/server";
import { Health } from "@funkygibbon/runtime/health";
import { silentLogger } from "@funkygibbon/runtime/log";
import { startTelemetry } from "@funkygibbon/runtime/telemetry";
import type { ConflictFile, ConflictStore, OnBehalfOf, Settlement } from "../src/domain/conflict-store.ts";
import { bindServices } from "../src/handlers/bind-services.ts";

/** Users' tokens are the names of roles; `service` is a service credential. */
const verifier: TokenVerifier = {
  async verifyUser(token) {
    const role = ROLES.find((known) => known === token);
    if (role === undefined) throw unauthenticated("unknown token", "TOKEN_INVALID");
    return identity(role);
  },
  async verifyService(token) {
    if (token !== "service") throw unauthenticated("unknown credential", "TOKEN_INVALID");
    return { name: "sync-coordinator" };
  },
  async verifyActor() {
    return { ...identity("member"), client: "claude" };
  },
};

function identity(role: Identity["role"]): Identity {
  return {
    household: parseHouseholdId("house-1"),
    user: parseUserId(role),
    role,
    scopes: [],
    device: undefined,
    expiresAt: 9e15,
    client: undefined,
  };
}

/**
 * A store of conflicts in memory, for units of the handlers alone: it keeps what it is told and applies nothing. The real
 * one is entity-store, which the tests of the whole constellation use.
 */
export class MemoryConflictStore implements ConflictStore {
  readonly files = new Map<string, ConflictFile>();
  readonly settlements: Settlement[] = [];
  readonly callers: OnBehalfOf[] = [];
  policies: ConflictPolicy[] = [];
  /** Called before each settlement, for tests of races. */
  beforeSettle: (attempt: number) => void = () => {};

  async list(query: Parameters<ConflictStore["list"]>[0], caller: OnBehalfOf) {
    this.callers.push(caller);
    const open = (file: ConflictFile) => file.conflict.decision === "open";
    const conflicts = [...this.files.values()]
      .filter((file) => query.state === "any" || open(file) === (query.state === "open"))
      .map(({ conflict }) => conflict);
    return { conflicts, nextPageToken: query.pageSize === 1 ? "more" : "" };
  }

  async get(id: string, caller: OnBehalfOf): Promise<ConflictFile> {
    this.callers.push(caller);
    const file = this.files.get(id);
    if (file === undefined) throw notFound("conflict", id);
    return file;
  }

  async settle(settlement: Settlement, caller: OnBehalfOf) {
    this.callers.push(caller);
    this.settlements.push(settlement);
    this.beforeSettle(this.settlements.length);
    const file = await this.get(settlement.id, caller);
    if (file.conflict.etag !== settlement.etag || file.head?.version !== settlement.headVersion) {
      throw new DomainError("stale", "it has changed", { reason: "STALE", details: { etag: file.conflict.etag } });
    }
    const { decision, fields } = settlement;
    const conflict = { ...file.conflict, decision, fields, etag: `${Number(file.conflict.etag) + 1}` };
    if (settlement.dryRun) return { conflict, head: file.head };
    this.files.set(settlement.id, { ...file, conflict });
    return { conflict, head: file.head };
  }

  async listPolicies() {
    return this.policies;
  }

  async setPolicy(policy: ConflictPolicy) {
    this.policies.push(policy);
    return policy;
  }
}

/** Both services on a real port, over a store in memory. */
export async function startInbox() {
  const opened = new AsyncDisposableStack();
  const store = new MemoryConflictStore();
  const health = new Health();
  const log = silentLogger();
  const server = opened.use(
    await startRpcServer({
      host: "127.0.0.1",
      port: 0,
      services: bindServices(store, { onBatch: () => {}, onSettled: () => {} }),
      verifier,
      health,
      log,
      telemetry: opened.use(startTelemetry({ service: "conflict-resolution", version: "test" })),
      maxMessageBytes: 16 * 1024 * 1024,
    }),
  );
  health.markServing();
  return {
    store,
    url: server.url,
    inbox: opened.use(createRpcClient(ConflictService, { url: server.url, log })),
    /** ConflictService as another service calls it, with an actor. */
    inboxAsService: opened.use(
      createRpcClient(ConflictService, { url: server.url, log, serviceToken: () => "service" }),
    ),
    resolver: opened.use(createRpcClient(ResolverService, { url: server.url, log, serviceToken: () => "service" })),
    /** A resolver client without a service credential. */
    stranger: opened.use(createRpcClient(ResolverService, { url: server.url, log })),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
