import { createHash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import {
  type ConflictService,
  type SettleConflictRequest,
  SettleConflictRequestSchema,
} from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import type { CallContext } from "@funkygibbon/rpc/call";
import type { Handlers } from "@funkygibbon/rpc/service";
import { conflictToWire } from "@funkygibbon/wire/conflict";
import { originFromWire } from "@funkygibbon/wire/origin";
import { recordVersionToWire } from "@funkygibbon/wire/record-version";
import type { ConflictStore, RepeatableRequest } from "../domain/conflict-store.ts";
import type { SettlementChoice } from "../domain/plan-settlement.ts";
import { type SettlementRequest, settleConflict } from "../domain/settle-conflict.ts";
import { onBehalfOf, requireWriter } from "./caller.ts";
import { etagViolations, parseChosenStrategy, parseConflictId, parseEditedBody, parseRequestId } from "./fields.ts";

/** ConflictService.SettleConflict: a person decides, or decides again. */
export function settleConflictHandler(
  store: ConflictStore,
  onSettled: (count: number) => void,
): Handlers<typeof ConflictService>["settleConflict"] {
  return async (request, call) => {
    requireWriter(call);
    const asked = parseRequest(request, call);
    const { conflict, head } = await settleConflict(store, asked, onBehalfOf(call));
    if (!asked.dryRun) onSettled(1);
    return { conflict: conflictToWire(conflict), ...(head && { head: recordVersionToWire(head) }) };
  };
}

function parseRequest(request: SettleConflictRequest, call: CallContext): SettlementRequest {
  const violations = etagViolations(request.etag);
  if (violations.length > 0) throw invalid(violations);
  return {
    id: parseConflictId(request.id),
    etag: request.etag,
    choice: parseChoice(request.decision),
    // Only services may say through which door a user came in; otherwise the store names it.
    origin: call.service === undefined ? undefined : request.origin && originFromWire(request.origin),
    request: request.validateOnly ? undefined : parseRepeatable(request),
    dryRun: request.validateOnly,
  };
}

/** The etag is part of what was asked: another look at the conflict is another request. The door is not. */
function parseRepeatable(request: SettleConflictRequest): RepeatableRequest | undefined {
  const id = parseRequestId(request.requestId);
  if (id === "") return undefined;
  const { origin: _, ...asked } = request;
  const bytes = toBinary(SettleConflictRequestSchema, asked);
  return { id, fingerprint: createHash("sha256").update(bytes).digest("base64url") };
}

function parseChoice(decision: SettleConflictRequest["decision"]): SettlementChoice {
  switch (decision.case) {
    case "strategy":
      return { kind: "strategy", strategy: parseChosenStrategy(decision.value) };
    case "editedBodyJson":
      return parseEditedBody(decision.value);
    case undefined:
      throw invalid([{ field: "decision", description: "must be a strategy or an edited body" }]);
  }
}
