import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import { parseAt, parseCount, parseEnums } from "../shared/fields.ts";
import { presentEntity, presentRelationship } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { parseDirection, requireEntity } from "./reached.ts";

const LIMIT = { field: "limit", standard: 100, maximum: 1_000 };

/** GraphService.GetNeighbours. */
export function getNeighbours({ graph }: Pick<StoreApi, "graph">): HandlerOf<typeof GraphService.method.getNeighbours> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const entity = parseRecordId(request.entityId, "entity_id");
    const limit = parseCount(request.limit, LIMIT);
    const query = {
      entity,
      direction: parseDirection(request.direction),
      types: parseEnums(relationshipTypes, request.types, "types"),
      entityTypes: parseEnums(entityTypes, request.entityTypes, "entity_types"),
      limit: limit + 1,
    };
    return graph.snapshot({ household, at: parseAt(request.at), signal: call.signal }, async (snapshot) => {
      const found = await snapshot.neighbours(query);
      // What has neighbours is there; asking costs as much as the answer.
      if (found.length === 0) await requireEntity(snapshot, entity);
      return {
        neighbours: found.slice(0, limit).map((neighbour) => ({
          entity: presentEntity(neighbour.entity),
          relationship: presentRelationship(neighbour.relationship),
          distance: 1,
          inverse: neighbour.inverse,
        })),
        truncated: found.length > limit,
      };
    });
  };
}
