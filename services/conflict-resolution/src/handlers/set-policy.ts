import type { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { checkPolicy } from "@funkygibbon/kernel/conflict-policy";
import { invalid } from "@funkygibbon/kernel/errors";
import type { Handlers } from "@funkygibbon/rpc/service";
import { policyFromWire, policyToWire } from "@funkygibbon/wire/conflict";
import type { ConflictStore } from "../domain/conflict-store.ts";
import { effectivePolicy } from "../domain/policy.ts";
import { onBehalfOf, requireOwner } from "./caller.ts";

/** ConflictService.SetPolicy: owners say how divergences of one entity type are settled. Answers with the policy as it applies. */
export function setPolicyHandler(store: ConflictStore): Handlers<typeof ConflictService>["setPolicy"] {
  return async (request, call) => {
    requireOwner(call);
    if (request.policy === undefined) throw invalid([{ field: "policy", description: "must be set" }]);
    const policy = policyFromWire(request.policy);
    checkPolicy(policy);
    const set = await store.setPolicy(policy, onBehalfOf(call));
    return { policy: policyToWire(effectivePolicy(set.entityType, set)) };
  };
}
