import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { Neighbour, NeighbourPosition } from "../../domain/graph-reads.ts";
import type { PagePosition, PageScope } from "../../domain/page-token.ts";
import { parseAt, parseCount, parseEnums } from "../shared/fields.ts";
import { presentEntity, presentRelationship } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { parseDirection, requireEntity } from "./reached.ts";

const LIMIT = { field: "limit", standard: 100, maximum: 1_000 };

/** GraphService.GetNeighbours. */
export function getNeighbours({
  graph,
  pageTokens,
}: Pick<StoreApi, "graph" | "pageTokens">): HandlerOf<typeof GraphService.method.getNeighbours> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const entity = parseRecordId(request.entityId, "entity_id");
    const limit = parseCount(request.limit, LIMIT);
    const at = parseAt(request.at);
    const filter = {
      entity,
      direction: parseDirection(request.direction),
      types: parseEnums(relationshipTypes, request.types, "types"),
      entityTypes: parseEnums(entityTypes, request.entityTypes, "entity_types"),
    };
    const scope: PageScope = { household, list: "neighbours", filter: { ...filter, at } };
    const after = positionOf(pageTokens.open(scope, request.pageToken));
    return graph.snapshot({ household, at, signal: call.signal }, async (snapshot) => {
      const found = await snapshot.neighbours({ ...filter, after, limit: limit + 1 });
      // What has neighbours is there; asking costs as much as the answer.
      if (found.length === 0) await requireEntity(snapshot, entity);
      const last = found.length > limit ? found[limit - 1] : undefined;
      return {
        neighbours: found.slice(0, limit).map((neighbour) => ({
          entity: presentEntity(neighbour.entity),
          relationship: presentRelationship(neighbour.relationship),
          distance: 1,
          inverse: neighbour.inverse,
        })),
        truncated: last !== undefined,
        nextPageToken: last === undefined ? "" : pageTokens.seal(scope, positionAt(last)),
      };
    });
  };
}

function positionAt({ relationship, entity }: Neighbour): PagePosition {
  return [relationship.type, entity.sortName, entity.id, relationship.id];
}

/** Page tokens are genuine, so what is in them was put there by this list. */
function positionOf(position: PagePosition | undefined): NeighbourPosition | undefined {
  if (position === undefined) return undefined;
  const [type, sortName, reached, relationship] = position;
  return {
    type: type as RelationshipType,
    sortName: String(sortName),
    reached: reached as RecordId,
    relationship: relationship as RecordId,
  };
}
