import type {
  ConflictService,
  SettleConflictsRequest,
} from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { type FieldViolation, invalid } from "@funkygibbon/kernel/errors";
import type { Handlers } from "@funkygibbon/rpc/service";
import { conflictToWire } from "@funkygibbon/wire/conflict";
import type { ConflictStore } from "../domain/conflict-store.ts";
import { MAX_SETTLEMENTS, type SettlementResult, settleMany } from "../domain/settle-many.ts";
import { onBehalfOf, requireWriter } from "./caller.ts";
import { etagViolations, parseChosenStrategy, parseConflictId } from "./fields.ts";

/** ConflictService.SettleConflicts: several by one strategy, each for itself. */
export function settleConflictsHandler(
  store: ConflictStore,
  onSettled: (count: number) => void,
): Handlers<typeof ConflictService>["settleConflicts"] {
  return async (request, call) => {
    requireWriter(call);
    const choice = { kind: "strategy", strategy: parseChosenStrategy(request.strategy) } as const;
    const results = await settleMany(store, { conflicts: parseConflicts(request), choice }, onBehalfOf(call));
    onSettled(results.filter(({ kind }) => kind === "settled").length);
    return { results: results.map(present) };
  };
}

function parseConflicts({ conflicts }: SettleConflictsRequest) {
  if (conflicts.length === 0 || conflicts.length > MAX_SETTLEMENTS) {
    throw invalid([{ field: "conflicts", description: `must be 1 to ${MAX_SETTLEMENTS}` }]);
  }
  const parsed = conflicts.map(({ id, etag }, index) => ({ id: parseConflictId(id, `conflicts[${index}].id`), etag }));
  const seen = new Set<string>();
  const violations = parsed.flatMap(({ id, etag }, index): FieldViolation[] => {
    const repeated = seen.has(id);
    seen.add(id);
    return [
      ...(repeated ? [{ field: `conflicts[${index}].id`, description: "is there twice" }] : []),
      ...etagViolations(etag, `conflicts[${index}].etag`),
    ];
  });
  if (violations.length > 0) throw invalid(violations);
  return parsed;
}

function present(result: SettlementResult) {
  // A hundred conflicts of records at the size limit would be more than a message holds.
  if (result.kind === "settled") return { id: result.id, conflict: conflictToWire({ ...result.conflict, fields: [] }) };
  return { id: result.id, failureReason: result.reason, failureMessage: result.message };
}
