import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { parseAt, parseIds } from "../shared/fields.ts";
import { presentRelationship } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";

const MAX_IDS = 1_000;

/** RelationshipService.BatchGetRelationships. */
export function batchGetRelationships({
  graph,
}: Pick<StoreApi, "graph">): HandlerOf<typeof RelationshipService.method.batchGetRelationships> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const ids = parseIds(request.ids, "ids", MAX_IDS);
    const scope = { household, at: parseAt(request.at), signal: call.signal };
    const found = await graph.snapshot(scope, (snapshot) => snapshot.relationships(ids));
    const live = ids.flatMap((id) => {
      const view = found.get(id);
      return view === undefined || view.deleted ? [] : [view];
    });
    const known = new Set(live.map((view) => view.id));
    return { relationships: live.map(presentRelationship), missingIds: ids.filter((id) => !known.has(id)) };
  };
}
