import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { readSubgraph } from "../../domain/subgraph.ts";
import { parseAt, parseCount } from "../shared/fields.ts";
import { presentEntity, presentRelationship } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { requireEntity } from "./reached.ts";

const LIMIT = { field: "limit", standard: 1_000, maximum: 10_000 };

/** GraphService.GetSubgraph: what belongs to an entity is what is located in or part of it, directly or through others. */
export function getSubgraph({ graph }: Pick<StoreApi, "graph">): HandlerOf<typeof GraphService.method.getSubgraph> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const root = parseRecordId(request.entityId, "entity_id");
    const limit = parseCount(request.limit, LIMIT);
    return graph.snapshot({ household, at: parseAt(request.at), signal: call.signal }, async (snapshot) => {
      const found = await readSubgraph(snapshot, await requireEntity(snapshot, root), limit);
      return {
        entities: found.entities.map(presentEntity),
        relationships: found.relationships.map(presentRelationship),
        truncated: found.truncated,
      };
    });
  };
}
