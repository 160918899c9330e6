import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes } from "@funkygibbon/wire/graph-types";
import { descendants, UNLIMITED } from "../../domain/graph-walk.ts";
import { parseAt, parseCount, parseEnums } from "../shared/fields.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { presentReached, requireEntity } from "./reached.ts";

const LIMIT = { field: "limit", standard: 1_000, maximum: 10_000 };

/** GraphService.GetDescendants. */
export function getDescendants({
  graph,
}: Pick<StoreApi, "graph">): HandlerOf<typeof GraphService.method.getDescendants> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const entity = parseRecordId(request.entityId, "entity_id");
    const types = parseEnums(entityTypes, request.entityTypes, "entity_types");
    const limit = parseCount(request.limit, LIMIT);
    return graph.snapshot({ household, at: parseAt(request.at), signal: call.signal }, async (snapshot) => {
      await requireEntity(snapshot, entity);
      // Entities of other types lead on to wanted ones, so only the answer is filtered and cut, never the walk.
      const found = await descendants(snapshot, entity, types.length === 0 ? limit : UNLIMITED);
      if (types.length === 0) {
        return { descendants: await presentReached(snapshot, found.reached), truncated: found.truncated };
      }
      const entities = await snapshot.entities(found.reached.map((step) => step.reached));
      const wanted = found.reached.filter((step) => types.some((type) => type === entities.get(step.reached)?.type));
      return {
        descendants: await presentReached(snapshot, wanted.slice(0, limit)),
        truncated: wanted.length > limit,
      };
    });
  };
}
