import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { Direction, GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { HomeGraph } from "../domain/ports.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions, originOf } from "./call-options.ts";
import {
  entityFromWire,
  neighbourFromWire,
  reachedRefFromWire,
  relationshipFromWire,
  searchHitFromWire,
} from "./graph-mapping.ts";

/** Changes whatever is there. */
const ANY_ETAG = "*";

/** The household's graph over entity-store's public services. Disposing closes the connections. */
export function connectHomeGraph(client: RpcClientOptions, actors: ActorMint): HomeGraph & AsyncDisposable {
  const entities = createRpcClient(EntityService, client);
  const relationships = createRpcClient(RelationshipService, client);
  const graph = createRpcClient(GraphService, client);
  return {
    async createEntity(call, draft) {
      const { entity } = await entities.createEntity(
        {
          type: entityTypes.toWire(draft.type),
          source: SourceType.MCP,
          bodyJson: JSON.stringify(draft.content),
          requestId: call.callId,
          origin: originOf(call),
          validateOnly: draft.dryRun,
        },
        await callOptions(call, actors),
      );
      return entityFromWire(entity);
    },

    async getEntity(call, id) {
      const { entity } = await entities.getEntity({ id }, await callOptions(call, actors));
      return entityFromWire(entity);
    },

    async updateEntity(call, patch) {
      const { entity } = await entities.updateEntity(
        {
          id: patch.id,
          etag: patch.etag ?? ANY_ETAG,
          bodyJson: JSON.stringify(patch.set),
          updateMask: { paths: [...Object.keys(patch.set), ...patch.remove] },
          requestId: call.callId,
          origin: originOf(call),
          validateOnly: patch.dryRun,
        },
        await callOptions(call, actors),
      );
      return entityFromWire(entity);
    },

    async deleteEntity(call, request) {
      const { entity, relationshipIds } = await entities.deleteEntity(
        {
          id: request.id,
          etag: request.etag ?? ANY_ETAG,
          requestId: call.callId,
          origin: originOf(call),
          validateOnly: request.dryRun,
        },
        await callOptions(call, actors),
      );
      return { entity: entityFromWire(entity), relationshipIds };
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
        },
        await callOptions(call, actors),
      );
      return {
        items: page.entities.map(entityFromWire),
        nextCursor: page.nextPageToken === "" ? undefined : page.nextPageToken,
        total: page.total === undefined ? undefined : Number(page.total),
      };
    },

    async searchEntities(call, { query, types, limit }) {
      const { hits } = await graph.searchEntities(
        { query, types: types.map(entityTypes.toWire), limit },
        await callOptions(call, actors),
      );
      return hits.map(searchHitFromWire);
    },

    async getAncestors(call, id) {
      const { ancestors } = await graph.getAncestors({ entityId: id }, await callOptions(call, actors));
      return ancestors.map(reachedRefFromWire);
    },

    async getNeighbours(call, { id, limit }) {
      const { neighbours, truncated } = await graph.getNeighbours(
        { entityId: id, direction: Direction.BOTH, limit },
        await callOptions(call, actors),
      );
      return { neighbours: neighbours.map(neighbourFromWire), truncated };
    },

    async createRelationship(call, draft) {
      const { relationship } = await relationships.createRelationship(
        {
          type: relationshipTypes.toWire(draft.type),
          fromId: draft.fromId,
          toId: draft.toId,
          source: SourceType.MCP,
          propertiesJson: JSON.stringify(draft.properties),
          requestId: call.callId,
          origin: originOf(call),
          validateOnly: draft.dryRun,
        },
        await callOptions(call, actors),
      );
      return relationshipFromWire(relationship);
    },

    async [Symbol.asyncDispose]() {
      await Promise.all([entities, relationships, graph].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}
