import type { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { UpdateEntityRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { bodyChange, entityMask } from "../../domain/field-mask.ts";
import { parseEtag, parseUpdateBody } from "../shared/fields.ts";
import { entityViewOf, presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, originOf, requireWriter, standardSource } from "../shared/write.ts";

/** EntityService.UpdateEntity. */
export function updateEntity({
  commits,
  history,
  clock,
}: Pick<StoreApi, "commits" | "history" | "clock">): HandlerOf<typeof EntityService.method.updateEntity> {
  return async (request, call) => {
    const identity = requireWriter(call);
    const record = parseRecordId(request.id);
    const keys = entityMask(request.updateMask?.paths ?? []);
    const job = apiWrite(request, {
      desc: UpdateEntityRequestSchema,
      call,
      clock,
      action: {
        kind: "update",
        record,
        recordKind: "entity",
        expected: parseEtag(request.etag),
        body: bodyChange(parseUpdateBody(request.bodyJson, "body_json", keys), keys),
        ends: undefined,
        source: standardSource(originOf(request, call, identity)),
      },
    });
    // Read before the commit: nothing may fail after it.
    const createdUs = await history.createdAt(identity.household, record);
    const { head } = await commits.commit(job);
    return { entity: presentEntity(entityViewOf(head, createdUs ?? head.committedUs)) };
  };
}
