import type { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { CreateEntityRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes } from "@funkygibbon/wire/graph-types";
import { parseBody, parseEnum } from "../shared/fields.ts";
import { entityViewOf, presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, originOf, parseSource, requireWriter } from "../shared/write.ts";

/** EntityService.CreateEntity. */
export function createEntity({
  commits,
  clock,
  newRecordId,
}: Pick<StoreApi, "commits" | "clock" | "newRecordId">): HandlerOf<typeof EntityService.method.createEntity> {
  return async (request, call) => {
    const origin = originOf(request, call, requireWriter(call));
    const type = parseEnum(entityTypes, request.type, "type");
    const job = apiWrite(request, {
      desc: CreateEntityRequestSchema,
      call,
      clock,
      action: {
        kind: "create",
        record: request.id === "" ? newRecordId() : parseRecordId(request.id),
        content: { kind: "entity", type, body: parseBody(request.bodyJson, "body_json") },
        source: parseSource(request.source, origin),
      },
    });
    const { head } = await commits.commit(job);
    return { entity: presentEntity(entityViewOf(head, head.committedUs)) };
  };
}
