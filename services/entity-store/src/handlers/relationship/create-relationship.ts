import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { CreateRelationshipRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { relationshipTypes } from "@funkygibbon/wire/graph-types";
import { parseBody, parseEnum } from "../shared/fields.ts";
import { presentRelationship, relationshipViewOf } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, originOf, parseSource, requireWriter } from "../shared/write.ts";

/** RelationshipService.CreateRelationship. */
export function createRelationship({
  commits,
  clock,
  newRecordId,
}: Pick<StoreApi, "commits" | "clock" | "newRecordId">): HandlerOf<
  typeof RelationshipService.method.createRelationship
> {
  return async (request, call) => {
    const origin = originOf(request, call, requireWriter(call));
    const job = apiWrite(request, {
      desc: CreateRelationshipRequestSchema,
      call,
      clock,
      action: {
        kind: "create",
        record: request.id === "" ? newRecordId() : parseRecordId(request.id),
        content: {
          kind: "relationship",
          type: parseEnum(relationshipTypes, request.type, "type"),
          from: parseRecordId(request.fromId, "from_id"),
          to: parseRecordId(request.toId, "to_id"),
          body: parseBody(request.propertiesJson, "properties_json"),
        },
        source: parseSource(request.source, origin),
      },
    });
    const { head } = await commits.commit(job);
    return { relationship: presentRelationship(relationshipViewOf(head, head.committedUs)) };
  };
}
