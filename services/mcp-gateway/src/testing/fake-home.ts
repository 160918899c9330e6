import { randomUUID } from "node:crypto";
import { systemClock } from "@funkygibbon/kernel/clock";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { DomainError, notFound } from "@funkygibbon/kernel/errors";
import { type JsonObject, jsonObject } from "@funkygibbon/kernel/json";
import { inverseName } from "@funkygibbon/kernel/relationship-type";
import { fold } from "@funkygibbon/kernel/search-text";
import type { Conflict } from "../domain/conflict-inbox.ts";
import type { SyncDevice } from "../domain/device-sync.ts";
import type { Entity, Page, Relationship, SearchHit } from "../domain/graph.ts";
import type { Ports } from "../domain/ports.ts";
import type { ToolCall } from "../domain/tool-call.ts";

/** What no test of the MCP surface asks of a home; test/e2e asks the real one. */
const unasked = async () => {
  throw new DomainError("unimplemented", "this home is only a fake", { reason: "FAKE_HOME" });
};

/** A home in memory with just enough behaviour to test the MCP surface; the real rules are entity-store's. */
export class FakeHome implements Ports {
  readonly entities = new Map<string, Entity>();
  readonly relationships = new Map<string, Relationship>();
  readonly knownDevices: SyncDevice[] = [];
  readonly knownConflicts: Conflict[] = [];
  /** Every call that reached a port. */
  readonly calls: ToolCall[] = [];
  /** What `devices.requestSync` was asked. */
  readonly syncRequests: { deviceId: string | undefined; reason: string }[] = [];
  /** Thrown by the next call. */
  failure: Error | undefined;
  #sequence = 0;

  #held: Promise<unknown> = Promise.resolve();

  /** Everything gone, as at the start. */
  clear(): void {
    this.entities.clear();
    this.relationships.clear();
    for (const list of [this.knownDevices, this.knownConflicts, this.calls, this.syncRequests]) list.length = 0;
    this.failure = undefined;
  }

  /** Lets whoever asks for devices wait until they are released, or give up. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    return resolve;
  }

  /** Puts an entity there. */
  add(type: EntityType, name: string, content: JsonObject = {}): Entity {
    return this.#store(randomUUID(), type, { ...content, name });
  }

  /** Puts one thing into another. */
  place(thing: Entity, place: Entity): void {
    const id = randomUUID();
    this.relationships.set(id, {
      id,
      type: "located_in",
      fromId: thing.id,
      toId: place.id,
      properties: {},
      version: `v${++this.#sequence}`,
      etag: `"${this.#sequence}"`,
      deleted: false,
    });
  }

  /** Two edits of a name: the device's sets it, the server's has none. */
  addConflict(): Conflict {
    const conflict: Conflict = {
      id: randomUUID(),
      recordId: randomUUID(),
      recordKind: "entity",
      type: "content_conflict",
      decision: "open",
      strategy: "manual",
      fields: [{ field: "name", rule: "", device: "Lamp", server: undefined, base: null, decided: undefined }],
      deviceAuthor: "ada",
      serverAuthor: "bob",
      openedAt: "2026-11-22T09:41:02.581Z",
      etag: '"1"',
    };
    this.knownConflicts.push(conflict);
    return conflict;
  }

  readonly graph: Ports["graph"] = {
    getEntity: async (call, id) => {
      this.#enter(call);
      return this.#find(id);
    },
    listEntities: async (call, { types, locatedInId, nameContains, limit, cursor }) => {
      this.#enter(call);
      const all = [...this.entities.values()]
        .filter(({ type }) => types.length === 0 || types.includes(type))
        .filter(({ id }) => locatedInId === undefined || this.#placesOf(id).includes(locatedInId))
        .filter(({ name }) => fold(name).includes(fold(nameContains ?? "")))
        .sort((a, b) => a.name.localeCompare(b.name));
      return pageOf(all, { limit, cursor });
    },
    searchEntities: async (call, { query, types, limit, cursor }) => {
      this.#enter(call);
      const wanted = fold(query);
      const hits = [...this.entities.values()]
        .filter(({ type }) => types.length === 0 || types.includes(type))
        .filter(({ name }) => fold(name).includes(wanted))
        .map((entity): SearchHit => {
          const exact = fold(entity.name) === wanted;
          return { entity, match: exact ? "exact" : "substring", score: exact ? 1 : 0.5 };
        });
      return { ...pageOf(hits, { limit, cursor }), total: undefined };
    },
    getAncestors: async (call, id) => {
      this.#enter(call);
      return this.#placesOf(id).map((place) => this.#find(place));
    },
    getNeighbours: async (call, { id, limit, cursor }) => {
      this.#enter(call);
      const edges = [...this.relationships.values()].filter(({ fromId, toId }) => fromId === id || toId === id);
      const neighbours = edges.map((edge) => ({
        relationshipId: edge.id,
        committedUs: 0,
        relation: edge.fromId === id ? edge.type : inverseName(edge.type),
        entity: this.#find(edge.fromId === id ? edge.toId : edge.fromId),
      }));
      return { ...pageOf(neighbours, { limit, cursor }), total: undefined };
    },
    getEntities: async (call, ids) => {
      this.#enter(call);
      return ids.map((id) => this.entities.get(id)).filter((entity) => entity !== undefined);
    },
    getDescendants: unasked,
    findPath: unasked,
    findSimilar: unasked,
    getRelationship: async (call, id) => {
      this.#enter(call);
      const relationship = this.relationships.get(id);
      if (relationship === undefined) throw notFound("relationship", id);
      return relationship;
    },
    listRelationships: unasked,
  };

  readonly edits: Ports["edits"] = {
    createEntity: async (call, { type, content, dryRun }) => {
      this.#enter(call);
      const entity = this.#store(randomUUID(), type, content);
      if (dryRun) this.entities.delete(entity.id);
      return entity;
    },
    updateEntity: async (call, { id, etag, set, remove, dryRun }) => {
      this.#enter(call);
      const entity = this.#find(id);
      if (etag !== undefined && etag !== entity.etag) {
        throw new DomainError("stale", "stale etag", { reason: "ETAG_MISMATCH", details: { etag: entity.etag } });
      }
      const kept = Object.entries(entity.content).filter(([key]) => !remove.includes(key));
      const updated = this.#store(id, entity.type, jsonObject([...kept, ...Object.entries(set)]));
      if (dryRun) this.entities.set(id, entity);
      return updated;
    },
    deleteEntity: async (call, { id, dryRun }) => {
      this.#enter(call);
      const entity = this.#find(id);
      const edges = [...this.relationships.values()].filter(({ fromId, toId }) => fromId === id || toId === id);
      if (!dryRun) {
        this.entities.delete(id);
        for (const edge of edges) this.relationships.delete(edge.id);
      }
      return { entity, relationshipIds: edges.map((edge) => edge.id) };
    },
    createRelationship: async (call, { type, fromId, toId, properties, dryRun }) => {
      this.#enter(call);
      const edge = {
        id: randomUUID(),
        type,
        fromId,
        toId,
        properties,
        version: `v${++this.#sequence}`,
        etag: '"e"',
        deleted: false,
      };
      if (!dryRun) this.relationships.set(edge.id, edge);
      return edge;
    },
    restoreEntity: unasked,
    updateRelationship: unasked,
    deleteRelationship: unasked,
    restoreRelationship: unasked,
  };

  readonly history: Ports["history"] = { listVersions: unasked, listDifferences: unasked };
  readonly activity: Ports["activity"] = { listCalls: unasked };
  readonly clock = systemClock;

  readonly devices: Ports["devices"] = {
    listDevices: async (call) => {
      this.#enter(call);
      const givenUp = new Promise((_, reject) => call.signal.addEventListener("abort", reject, { once: true }));
      await Promise.race([this.#held, givenUp]);
      return this.knownDevices;
    },
    requestSync: async (call, request) => {
      this.#enter(call);
      this.syncRequests.push(request);
      return this.knownDevices.filter(
        ({ deviceId, connected }) => connected && (request.deviceId ?? deviceId) === deviceId,
      ).length;
    },
  };

  readonly conflicts: Ports["conflicts"] = {
    listConflicts: async (call, { state, limit }) => {
      this.#enter(call);
      const wanted = this.knownConflicts.filter(
        ({ decision }) => state === "all" || (decision === "open") === (state === "open"),
      );
      return { items: wanted.slice(0, limit), nextCursor: undefined, total: undefined };
    },
    getConflict: async (call, id) => {
      this.#enter(call);
      return this.#conflict(id);
    },
    settleConflict: async (call, { id, dryRun }) => {
      this.#enter(call);
      const conflict: Conflict = { ...this.#conflict(id), decision: "took_local" };
      if (!dryRun) this.knownConflicts.splice(0, 1, conflict);
      return { conflict, head: undefined };
    },
  };

  #enter(call: ToolCall): void {
    this.calls.push(call);
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  #conflict(id: string): Conflict {
    const conflict = this.knownConflicts.find((one) => one.id === id);
    if (conflict === undefined) throw notFound("conflict", id);
    return conflict;
  }

  #find(id: string): Entity {
    const entity = this.entities.get(id);
    if (entity === undefined) throw notFound("entity", id);
    return entity;
  }

  #placesOf(id: string): string[] {
    const edge = [...this.relationships.values()].find(({ type, fromId }) => type === "located_in" && fromId === id);
    return edge === undefined ? [] : [edge.toId, ...this.#placesOf(edge.toId)];
  }

  #store(id: string, type: EntityType, content: JsonObject): Entity {
    const sequence = ++this.#sequence;
    const entity: Entity = {
      id,
      type,
      name: typeof content.name === "string" ? content.name : "",
      source: "mcp",
      content,
      version: `v${sequence}`,
      etag: `"${sequence}"`,
      author: "ada",
      updatedAt: "2026-11-22T09:41:02.581Z",
      createdAt: "2026-11-22T09:41:02.581Z",
      deleted: false,
    };
    this.entities.set(id, entity);
    return entity;
  }
}

function pageOf<T>(all: readonly T[], { limit, cursor }: { limit: number; cursor: string | undefined }): Page<T> {
  const start = Number(cursor ?? 0);
  const end = start + limit;
  return { items: all.slice(start, end), nextCursor: end < all.length ? String(end) : undefined, total: all.length };
}
