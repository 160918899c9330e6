import type { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import {
  ResolutionStrategy,
  type ConflictPolicy as WirePolicy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { type FieldViolation, invalid } from "@funkygibbon/kernel/errors";
import type { ConflictPolicy } from "@funkygibbon/kernel/record";
import type { Handlers } from "@funkygibbon/rpc/service";
import { policyFromWire, policyToWire } from "@funkygibbon/wire/conflict";
import type { ConflictStore } from "../domain/conflict-store.ts";
import { checkPolicy, effectivePolicy } from "../domain/policy.ts";
import { onBehalfOf, requireOwner } from "./caller.ts";

/** ConflictService.SetPolicy: owners say how divergences of one entity type are settled. Answers with the policy as it applies. */
export function setPolicyHandler(store: ConflictStore): Handlers<typeof ConflictService>["setPolicy"] {
  return async (request, call) => {
    requireOwner(call);
    const set = await store.setPolicy(parsePolicy(request.policy), onBehalfOf(call));
    return { policy: policyToWire(effectivePolicy(set.entityType, set)) };
  };
}

function parsePolicy(wire: WirePolicy | undefined): ConflictPolicy {
  if (wire === undefined) throw invalid([{ field: "policy", description: "must be set" }]);
  const policy = policyFromWire(wire);
  // The mapping reads unknown values as unset; a caller who sends one means something that we would not do.
  const violations: FieldViolation[] = [];
  if (policy.entityType === undefined && wire.entityType !== EntityType.UNSPECIFIED) {
    violations.push({ field: "policy.entity_type", description: "unknown entity type" });
  }
  if (policy.strategy === undefined && wire.strategy !== ResolutionStrategy.UNSPECIFIED) {
    violations.push({ field: "policy.strategy", description: "unknown strategy" });
  }
  if (violations.length > 0) throw invalid(violations, "INVALID_POLICY");
  checkPolicy(policy);
  return policy;
}
