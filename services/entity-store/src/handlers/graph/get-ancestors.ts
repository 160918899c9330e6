import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { ancestors, UNLIMITED } from "../../domain/graph-walk.ts";
import { parseAt } from "../shared/fields.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { presentReached, requireEntity } from "./reached.ts";

/** GraphService.GetAncestors. */
export function getAncestors({ graph }: Pick<StoreApi, "graph">): HandlerOf<typeof GraphService.method.getAncestors> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const entity = parseRecordId(request.entityId, "entity_id");
    return graph.snapshot({ household, at: parseAt(request.at), signal: call.signal }, async (snapshot) => {
      await requireEntity(snapshot, entity);
      const { reached } = await ancestors(snapshot, entity, UNLIMITED);
      return { ancestors: await presentReached(snapshot, reached) };
    });
  };
}
