import type { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { RestoreEntityRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { parseVersion } from "@funkygibbon/kernel/version";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { parseEtag } from "../shared/fields.ts";
import { entityViewOf, presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, requireWriter } from "../shared/write.ts";

/** EntityService.RestoreEntity. */
export function restoreEntity({
  commits,
  history,
  clock,
}: Pick<StoreApi, "commits" | "history" | "clock">): HandlerOf<typeof EntityService.method.restoreEntity> {
  return async (request, call) => {
    const { household } = requireWriter(call);
    const record = parseRecordId(request.id);
    const version = request.version === "" ? undefined : parseVersion(request.version).id;
    const job = apiWrite(request, {
      desc: RestoreEntityRequestSchema,
      call,
      clock,
      action: { kind: "restore", record, recordKind: "entity", expected: parseEtag(request.etag), version },
    });
    const createdUs = await history.createdAt(household, record);
    const { head, cascaded } = await commits.commit(job);
    return {
      entity: presentEntity(entityViewOf(head, createdUs ?? head.committedUs)),
      relationshipIds: [...cascaded],
    };
  };
}
