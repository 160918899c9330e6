import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { DeleteRelationshipRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { parseEtag } from "../shared/fields.ts";
import { presentRelationship, relationshipViewOf } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, requireWriter } from "../shared/write.ts";

/** RelationshipService.DeleteRelationship. */
export function deleteRelationship({
  commits,
  history,
  clock,
}: Pick<StoreApi, "commits" | "history" | "clock">): HandlerOf<typeof RelationshipService.method.deleteRelationship> {
  return async (request, call) => {
    const { household } = requireWriter(call);
    const record = parseRecordId(request.id);
    const expected = parseEtag(request.etag);
    const job = apiWrite(request, {
      desc: DeleteRelationshipRequestSchema,
      call,
      clock,
      action: { kind: "delete", record, recordKind: "relationship", expected },
    });
    const createdUs = await history.createdAt(household, record);
    const { head } = await commits.commit(job);
    return {
      relationship: presentRelationship(relationshipViewOf(head, createdUs ?? head.committedUs)),
    };
  };
}
