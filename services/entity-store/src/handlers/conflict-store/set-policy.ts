import type { ConflictPolicy as WireConflictPolicy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { ConflictStoreService } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { type FieldViolation, invalid, permissionDenied } from "@funkygibbon/kernel/errors";
import type { ConflictPolicy } from "@funkygibbon/kernel/record";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { policyFromWire, policyToWire } from "@funkygibbon/wire/conflict";
import { FIELD_RULES } from "../../domain/conflict-reads.ts";
import type { StoreApi } from "../shared/store-api.ts";

const MAX_RULES = 200;
const MAX_KEY_CHARACTERS = 200;

/** ConflictStoreService.SetPolicy. */
export function setPolicy({
  policies,
  clock,
}: Pick<StoreApi, "policies" | "clock">): HandlerOf<typeof ConflictStoreService.method.setPolicy> {
  return async (request, call) => {
    const { household, user, role } = call.requireIdentity();
    if (role !== "owner") throw permissionDenied("only owners set policies", "OWNERS_ONLY");
    if (request.policy === undefined) throw invalid([{ field: "policy", description: "must be set" }]);
    const policy = parsePolicy(request.policy);
    await policies.set(policy, { household, user, now: clock.now() });
    return { policy: policyToWire(policy) };
  };
}

function parsePolicy(wire: WireConflictPolicy): ConflictPolicy {
  const policy = policyFromWire(wire);
  const faults: FieldViolation[] = [];
  if (wire.entityType !== 0 && policy.entityType === undefined) {
    faults.push({ field: "policy.entity_type", description: `has no value ${wire.entityType}` });
  }
  if (wire.strategy !== 0 && policy.strategy === undefined) {
    faults.push({ field: "policy.strategy", description: `has no value ${wire.strategy}` });
  }
  if (policy.fieldRules.size > MAX_RULES) {
    faults.push({ field: "policy.field_rules", description: `must be at most ${MAX_RULES}` });
  }
  for (const [key, rule] of policy.fieldRules) {
    if (key === "" || key.length > MAX_KEY_CHARACTERS) {
      faults.push({ field: "policy.field_rules", description: `keys must have 1 to ${MAX_KEY_CHARACTERS} characters` });
    }
    if (!FIELD_RULES.includes(rule)) {
      const field = `policy.field_rules[${JSON.stringify(key)}]`;
      faults.push({ field, description: `${JSON.stringify(rule)} is none of ${FIELD_RULES.join(", ")}` });
    }
  }
  if (faults.length > 0) throw invalid(faults);
  return policy;
}
