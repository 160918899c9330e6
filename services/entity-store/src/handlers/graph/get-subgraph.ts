import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { descendants } from "../../domain/graph-walk.ts";
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
      await requireEntity(snapshot, root);
      const { reached, truncated } = await descendants(snapshot, root, limit - 1);
      const ids = [root, ...reached.map((step) => step.reached)];
      const [entities, relationships] = await Promise.all([snapshot.entities(ids), snapshot.edgesAmong(ids)]);
      return {
        entities: ids.map((id) =>
          presentEntity(must(entities.get(id), "one snapshot has every node that it leads to")),
        ),
        relationships: relationships.map(presentRelationship),
        truncated,
      };
    });
  };
}
