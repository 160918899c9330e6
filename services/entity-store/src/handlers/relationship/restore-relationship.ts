import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { RestoreRelationshipRequestSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { parseVersion } from "@funkygibbon/kernel/version";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { parseEtag } from "../shared/fields.ts";
import { presentRelationship, relationshipViewOf } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { apiWrite, requireWriter } from "../shared/write.ts";

/** RelationshipService.RestoreRelationship. */
export function restoreRelationship({
  commits,
  history,
  clock,
}: Pick<StoreApi, "commits" | "history" | "clock">): HandlerOf<typeof RelationshipService.method.restoreRelationship> {
  return async (request, call) => {
    const { household } = requireWriter(call);
    const record = parseRecordId(request.id);
    const version = request.version === "" ? undefined : parseVersion(request.version).id;
    const job = apiWrite(request, {
      desc: RestoreRelationshipRequestSchema,
      call,
      clock,
      action: { kind: "restore", record, recordKind: "relationship", expected: parseEtag(request.etag), version },
    });
    const createdUs = await history.createdAt(household, record);
    const { head } = await commits.commit(job);
    return {
      relationship: presentRelationship(relationshipViewOf(head, createdUs ?? head.committedUs)),
    };
  };
}
