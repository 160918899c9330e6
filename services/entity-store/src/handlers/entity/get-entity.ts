import type { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { notFound } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { parseAt } from "../shared/fields.ts";
import { presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";

/** EntityService.GetEntity. */
export function getEntity({ graph }: Pick<StoreApi, "graph">): HandlerOf<typeof EntityService.method.getEntity> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const id = parseRecordId(request.id);
    const scope = { household, at: parseAt(request.at), signal: call.signal };
    const found = await graph.snapshot(scope, async (snapshot) => (await snapshot.entities([id])).get(id));
    if (found === undefined || (found.deleted && !request.includeDeleted)) throw notFound("entity", id);
    return { entity: presentEntity(found) };
  };
}
