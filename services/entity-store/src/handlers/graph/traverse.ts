import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { relationshipTypes } from "@funkygibbon/wire/graph-types";
import { walk } from "../../domain/graph-walk.ts";
import { parseAt, parseCount, parseEnums } from "../shared/fields.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { parseDirection, presentReached, requireEntity } from "./reached.ts";

const MAX_DEPTH = { field: "max_depth", standard: 3, maximum: 20 };
const LIMIT = { field: "limit", standard: 1_000, maximum: 10_000 };

/** GraphService.Traverse. */
export function traverse({ graph }: Pick<StoreApi, "graph">): HandlerOf<typeof GraphService.method.traverse> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const query = {
      start: parseRecordId(request.entityId, "entity_id"),
      direction: parseDirection(request.direction),
      types: parseEnums(relationshipTypes, request.types, "types"),
      maxDepth: parseCount(request.maxDepth, MAX_DEPTH),
      limit: parseCount(request.limit, LIMIT),
    };
    return graph.snapshot({ household, at: parseAt(request.at), signal: call.signal }, async (snapshot) => {
      await requireEntity(snapshot, query.start);
      const { reached, truncated } = await walk(snapshot, query);
      return { reached: await presentReached(snapshot, reached), truncated };
    });
  };
}
