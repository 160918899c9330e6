import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { Direction, GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { DomainError } from "@funkygibbon/kernel/errors";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { Entity, Page } from "../domain/graph.ts";
import type { HomeGraph } from "../domain/home-graph.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions } from "./call-options.ts";
import {
  cursorFromWire,
  entityFromWire,
  neighbourFromWire,
  relationshipFromWire,
  searchHitFromWire,
  similarFromWire,
} from "./graph-mapping.ts";

/** So many entities the store answers at once. */
const BATCH = 1_000;

/** The household's graph over entity-store's public services. Disposing closes the connections. */
export function connectHomeGraph(client: RpcClientOptions, actors: ActorMint): HomeGraph & AsyncDisposable {
  const entities = createRpcClient(EntityService, client);
  const relationships = createRpcClient(RelationshipService, client);
  const graph = createRpcClient(GraphService, client);
  return {
    async getEntity(call, id, { at, orTombstone = false } = {}) {
      const request = { id, ...asOf(at), includeDeleted: orTombstone };
      const { entity } = await entities.getEntity(request, await callOptions(call, actors));
      return entityFromWire(entity);
    },

    async getEntities(call, ids) {
      const found: Entity[] = [];
      for (let from = 0; from < ids.length; from += BATCH) {
        const some = { ids: ids.slice(from, from + BATCH) };
        const answer = await entities.batchGetEntities(some, await callOptions(call, actors));
        found.push(...answer.entities.map(entityFromWire));
      }
      return found;
    },

    async listEntities(call, filter) {
      const page = await entities.listEntities(
        {
          pageSize: filter.limit,
          pageToken: filter.cursor ?? "",
          types: filter.types.map(entityTypes.toWire),
          locatedInId: filter.locatedInId ?? "",
          nameContains: filter.nameContains ?? "",
          includeTotal: true,
          ...asOf(filter.at),
        },
        await callOptions(call, actors),
      );
      return {
        items: page.entities.map(entityFromWire),
        nextCursor: cursorFromWire(page.nextPageToken),
        total: page.total === undefined ? undefined : Number(page.total),
      };
    },

    async searchEntities(call, { query, types, limit, cursor = "" }) {
      const page = await graph.searchEntities(
        { query, types: types.map(entityTypes.toWire), limit, pageToken: cursor },
        await callOptions(call, actors),
      );
      return pageOf(page.hits.map(searchHitFromWire), page);
    },

    async getAncestors(call, id, at) {
      const { ancestors } = await graph.getAncestors({ entityId: id, ...asOf(at) }, await callOptions(call, actors));
      return ancestors.map(({ entity }) => entityFromWire(entity));
    },

    async getDescendants(call, { id, types, limit }) {
      const { descendants } = await graph.getDescendants(
        { entityId: id, entityTypes: types.map(entityTypes.toWire), limit },
        await callOptions(call, actors),
      );
      return descendants.map(({ entity }) => entityFromWire(entity));
    },

    async getNeighbours(call, { id, relations = [], types = [], limit, cursor = "", at }) {
      const page = await graph.getNeighbours(
        {
          entityId: id,
          types: relations.map(relationshipTypes.toWire),
          entityTypes: types.map(entityTypes.toWire),
          direction: Direction.BOTH,
          limit,
          pageToken: cursor,
          ...asOf(at),
        },
        await callOptions(call, actors),
      );
      return pageOf(page.neighbours.map(neighbourFromWire), page);
    },

    async findPath(call, { fromId, toId, relations, maxSteps }) {
      const request = { fromId, toId, types: relations.map(relationshipTypes.toWire), maxDepth: maxSteps };
      const path = await graph.findPath(request, await callOptions(call, actors)).catch((error: unknown) => {
        if (error instanceof DomainError && error.reason === "NO_PATH") return undefined;
        throw error;
      });
      return path?.steps.map(neighbourFromWire);
    },

    async findSimilar(call, { id, limit, cursor = "" }) {
      const request = { entityId: id, limit, pageToken: cursor };
      const page = await graph.findSimilarEntities(request, await callOptions(call, actors));
      return pageOf(page.entities.map(similarFromWire), page);
    },

    async getRelationship(call, id, { orTombstone = false } = {}) {
      const { relationship } = await relationships.getRelationship(
        { id, includeDeleted: orTombstone },
        await callOptions(call, actors),
      );
      return relationshipFromWire(relationship);
    },

    async listRelationships(call, filter) {
      const page = await relationships.listRelationships(
        {
          pageSize: filter.limit,
          pageToken: filter.cursor ?? "",
          types: filter.relations.map(relationshipTypes.toWire),
          fromId: filter.fromId ?? "",
          toId: filter.toId ?? "",
        },
        await callOptions(call, actors),
      );
      return pageOf(page.relationships.map(relationshipFromWire), page);
    },

    async [Symbol.asyncDispose]() {
      await Promise.all([entities, relationships, graph].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

function pageOf<T>(items: readonly T[], { nextPageToken }: { readonly nextPageToken: string }): Page<T> {
  return { items, nextCursor: cursorFromWire(nextPageToken), total: undefined };
}

function asOf(at: Date | undefined): { at?: Timestamp } {
  return at === undefined ? {} : { at: timestampFromDate(at) };
}
