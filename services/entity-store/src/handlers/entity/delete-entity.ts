import type { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { DeleteEntityRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { parseEtag } from "../shared/fields.ts";
import { entityViewOf, presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, requireWriter } from "../shared/write.ts";

/** EntityService.DeleteEntity. */
export function deleteEntity({
  commits,
  history,
  clock,
}: Pick<StoreApi, "commits" | "history" | "clock">): HandlerOf<typeof EntityService.method.deleteEntity> {
  return async (request, call) => {
    const { household } = requireWriter(call);
    const record = parseRecordId(request.id);
    const expected = parseEtag(request.etag);
    const job = apiWrite(request, {
      desc: DeleteEntityRequestSchema,
      call,
      clock,
      action: { kind: "delete", record, recordKind: "entity", expected },
    });
    const createdUs = await history.createdAt(household, record);
    const { head, cascaded } = await commits.commit(job);
    return {
      entity: presentEntity(entityViewOf(head, createdUs ?? head.committedUs)),
      relationshipIds: [...cascaded],
    };
  };
}
