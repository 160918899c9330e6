import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { EntityService, type GetEntityHistoryResponse } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import {
  GraphService,
  type RecordDifference as WireDifference,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { must } from "@funkygibbon/kernel/must";
import { createRpcClient, type RpcClientOptions } from "@funkygibbon/rpc/client";
import { recordVersionFromWire } from "@funkygibbon/wire/record-version";
import type { HistoryItem, HomeHistory, RecordDifference } from "../domain/home-history.ts";
import type { ActorMint } from "./actor-mint.ts";
import { callOptions } from "./call-options.ts";
import { cursorFromWire, entityFromWire, relationshipFromWire, timeFromWire } from "./graph-mapping.ts";

/** The household's past over entity-store's public services. Disposing closes the connections. */
export function connectHomeHistory(client: RpcClientOptions, actors: ActorMint): HomeHistory & AsyncDisposable {
  const entities = createRpcClient(EntityService, client);
  const relationships = createRpcClient(RelationshipService, client);
  const graph = createRpcClient(GraphService, client);
  return {
    async listVersions(call, { kind, id, limit, cursor = "" }) {
      const request = { id, pageSize: limit, pageToken: cursor };
      const options = await callOptions(call, actors);
      const page = await (kind === "entity"
        ? entities.getEntityHistory(request, options)
        : relationships.getRelationshipHistory(request, options));
      return {
        items: page.entries.map(itemFromWire),
        nextCursor: cursorFromWire(page.nextPageToken),
        total: undefined,
      };
    },

    async listDifferences(call, { since, until, limit, cursor = "" }) {
      const page = await graph.diffGraph(
        {
          since: timestampFromDate(since),
          ...(until && { until: timestampFromDate(until) }),
          pageSize: limit,
          pageToken: cursor,
        },
        await callOptions(call, actors),
      );
      return {
        items: page.differences.map(differenceFromWire),
        nextCursor: cursorFromWire(page.nextPageToken),
        total: undefined,
      };
    },

    async [Symbol.asyncDispose]() {
      await Promise.all([entities, relationships, graph].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

function itemFromWire({ version, changedKeys, isHead }: GetEntityHistoryResponse["entries"][number]): HistoryItem {
  return {
    version: recordVersionFromWire(must(version, "a history is made of versions")),
    changedKeys,
    isHead,
  };
}

function differenceFromWire(wire: WireDifference): RecordDifference {
  const { recordId, changedKeys, author, time } = wire;
  return {
    recordId,
    changedKeys,
    author,
    at: timeFromWire(time) ?? "",
    before: recordFromWire(wire.entityBefore, wire.relationshipBefore),
    after: recordFromWire(wire.entityAfter, wire.relationshipAfter),
  };
}

function recordFromWire(
  entity: WireDifference["entityBefore"],
  relationship: WireDifference["relationshipBefore"],
): RecordDifference["before"] {
  if (entity !== undefined) return entityFromWire(entity);
  return relationship && relationshipFromWire(relationship);
}
