import { create } from "@bufbuild/protobuf";
import type { ConflictDecision as WireDecision } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import {
  type ConflictStoreService,
  type SettleConflictRequest,
  SettleConflictRequestSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { parseJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import type { SettledContent } from "@funkygibbon/kernel/record";
import { parseVersion } from "@funkygibbon/kernel/version";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { conflictToWire, fieldConflictFromWire } from "@funkygibbon/wire/conflict";
import { settledContentFromWire } from "@funkygibbon/wire/divergence";
import { conflictDecisions } from "@funkygibbon/wire/outcomes";
import { recordVersionToWire } from "@funkygibbon/wire/record-version";
import type { Settlement } from "../../domain/commit-job.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { originOf, requestKey, requireWriter } from "../shared/write.ts";

/** ConflictStoreService.SettleConflict. */
export function settleConflict({
  commits,
  clock,
}: Pick<StoreApi, "commits" | "clock">): HandlerOf<typeof ConflictStoreService.method.settleConflict> {
  return async (request, call) => {
    const identity = requireWriter(call);
    const decision = parseDecision(request.decision);
    if (request.etag === "")
      throw invalid([{ field: "etag", description: "must be the conflict's etag as it was seen" }]);
    const settled = await commits.commit({
      kind: "settlement",
      household: identity.household,
      user: identity.user,
      receivedUs: clock.now(),
      conflictId: parseRecordId(request.id),
      etag: request.etag,
      expectedHead: request.headVersion === "" ? undefined : parseVersion(request.headVersion, "head_version").id,
      decision,
      content: parseContent(request, decision),
      fields: request.fields.map(fieldConflictFromWire),
      origin: originOf(request, call, identity),
      // A trial run leaves no trace, so it is not remembered either.
      request: request.validateOnly
        ? undefined
        : requestKey(asAsked(request), SettleConflictRequestSchema, call, identity),
      dryRun: request.validateOnly,
    });
    return {
      conflict: conflictToWire(settled.conflict),
      ...(settled.head && { head: recordVersionToWire(settled.head) }),
    };
  };
}

/** What makes a repeated request the same: what the person asked for, and not what was worked out for the head of the moment. */
function asAsked({ requestId, requestFingerprint }: SettleConflictRequest): SettleConflictRequest {
  return create(SettleConflictRequestSchema, { requestId, requestFingerprint });
}

function parseDecision(wire: WireDecision): Settlement["decision"] {
  const decision = conflictDecisions.fromWire(wire);
  if (decision === undefined || decision === "open" || decision === "closed") {
    throw invalid([{ field: "decision", description: "must be KEPT_SERVER, TOOK_LOCAL, MERGED or EDITED" }]);
  }
  return decision;
}

function parseContent(request: SettleConflictRequest, decision: Settlement["decision"]): SettledContent | undefined {
  if (decision === "kept_server") {
    if (request.content === undefined) return undefined;
    throw invalid([{ field: "content", description: "must be absent when the head stays" }]);
  }
  if (request.content === undefined) throw invalid([{ field: "content", description: "must say what becomes head" }]);
  const content = settledContentFromWire(request.content);
  if (!content.deleted) parseJsonObject(content.bodyJson ?? "", BODY_LIMITS, "content.body_json");
  return content;
}
