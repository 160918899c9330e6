import type { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import type { Handlers } from "@funkygibbon/rpc/service";
import { fieldConflictToWire } from "@funkygibbon/wire/conflict";
import type { ConflictStore } from "../domain/conflict-store.ts";
import { planSettlement } from "../domain/plan-settlement.ts";
import { onBehalfOf } from "./caller.ts";
import { parseChosenStrategy, parseConflictId } from "./fields.ts";

/** ConflictService.PreviewConflict: what the record would say after a strategy. Settles nothing. */
export function previewConflictHandler(store: ConflictStore): Handlers<typeof ConflictService>["previewConflict"] {
  return async (request, call) => {
    const id = parseConflictId(request.id);
    const strategy = parseChosenStrategy(request.strategy);
    const file = await store.get(id, onBehalfOf(call));
    const { after, lostFields } = planSettlement(file, { kind: "strategy", strategy });
    return { bodyJson: after.bodyJson ?? "", deleted: after.deleted, fields: lostFields.map(fieldConflictToWire) };
  };
}
