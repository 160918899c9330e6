import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { notFound } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { parseAt } from "../shared/fields.ts";
import { presentRelationship } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";

/** RelationshipService.GetRelationship. */
export function getRelationship({
  graph,
}: Pick<StoreApi, "graph">): HandlerOf<typeof RelationshipService.method.getRelationship> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const id = parseRecordId(request.id);
    const scope = { household, at: parseAt(request.at), signal: call.signal };
    const found = await graph.snapshot(scope, async (snapshot) => (await snapshot.relationships([id])).get(id));
    if (found === undefined || (found.deleted && !request.includeDeleted)) throw notFound("relationship", id);
    return { relationship: presentRelationship(found) };
  };
}
