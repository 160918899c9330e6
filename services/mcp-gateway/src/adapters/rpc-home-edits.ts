import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  EntityService,
  type UpdateEntityRequestSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { Ends, HomeEdits, Precondition } from "../domain/home-edits.ts";
import type { ToolCall } from "../domain/tool-call.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions, receiptOf } from "./call-options.ts";
import { entityFromWire, relationshipFromWire } from "./graph-mapping.ts";

/** Changes whatever is there. */
const ANY_ETAG = "*";

/** Writes to the household's graph over entity-store's public services. Disposing closes the connections. */
export function connectHomeEdits(client: RpcClientOptions, actors: ActorMint): HomeEdits & AsyncDisposable {
  const entities = createRpcClient(EntityService, client);
  const relationships = createRpcClient(RelationshipService, client);
  return {
    async createEntity(call, { type, content, dryRun }) {
      const { entity } = await entities.createEntity(
        {
          type: entityTypes.toWire(type),
          source: SourceType.MCP,
          bodyJson: JSON.stringify(content),
          ...receiptOf(call, dryRun),
        },
        await callOptions(call, actors),
      );
      return entityFromWire(entity);
    },

    async updateEntity(call, change) {
      const { set, remove } = change;
      const request: MessageInitShape<typeof UpdateEntityRequestSchema> = {
        ...expected(call, change),
        bodyJson: JSON.stringify(set),
        updateMask: { paths: [...Object.keys(set), ...remove] },
      };
      const { entity } = await entities.updateEntity(request, await callOptions(call, actors));
      return entityFromWire(entity);
    },

    async deleteEntity(call, change) {
      const deleted = await entities.deleteEntity(expected(call, change), await callOptions(call, actors));
      return { entity: entityFromWire(deleted.entity), relationshipIds: deleted.relationshipIds };
    },

    async restoreEntity(call, change) {
      const request = { ...expected(call, change), version: change.version ?? "" };
      const restored = await entities.restoreEntity(request, await callOptions(call, actors));
      return { entity: entityFromWire(restored.entity), relationshipIds: restored.relationshipIds };
    },

    async createRelationship(call, { properties, dryRun, ...ends }) {
      const { relationship } = await relationships.createRelationship(
        {
          ...endsToWire(ends),
          source: SourceType.MCP,
          propertiesJson: JSON.stringify(properties),
          ...receiptOf(call, dryRun),
        },
        await callOptions(call, actors),
      );
      return relationshipFromWire(relationship);
    },

    async updateRelationship(call, change) {
      const { set, remove, ends } = change;
      const keys = [...Object.keys(set), ...remove].map((key) => `properties.${key}`);
      const { relationship } = await relationships.updateRelationship(
        {
          ...expected(call, change),
          propertiesJson: JSON.stringify(set),
          ...(ends && endsToWire(ends)),
          updateMask: { paths: [...(ends === undefined ? [] : ["type", "from_id", "to_id"]), ...keys] },
        },
        await callOptions(call, actors),
      );
      return relationshipFromWire(relationship);
    },

    async deleteRelationship(call, change) {
      const request = expected(call, change);
      const { relationship } = await relationships.deleteRelationship(request, await callOptions(call, actors));
      return relationshipFromWire(relationship);
    },

    async restoreRelationship(call, change) {
      const { relationship } = await relationships.restoreRelationship(
        { ...expected(call, change), version: change.version ?? "" },
        await callOptions(call, actors),
      );
      return relationshipFromWire(relationship);
    },

    async [Symbol.asyncDispose]() {
      await Promise.all([entities, relationships].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

function expected(call: ToolCall, { id, etag, dryRun }: Precondition) {
  return { id, etag: etag ?? ANY_ETAG, ...receiptOf(call, dryRun) };
}

function endsToWire({ type, fromId, toId }: Ends) {
  return { type: relationshipTypes.toWire(type), fromId, toId };
}
