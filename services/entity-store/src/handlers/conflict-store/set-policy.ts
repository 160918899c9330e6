import type { ConflictStoreService } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { checkPolicy } from "@funkygibbon/kernel/conflict-policy";
import { invalid, permissionDenied } from "@funkygibbon/kernel/errors";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { policyFromWire, policyToWire } from "@funkygibbon/wire/conflict";
import type { StoreApi } from "../shared/store-api.ts";

/** ConflictStoreService.SetPolicy. */
export function setPolicy({
  policies,
  clock,
}: Pick<StoreApi, "policies" | "clock">): HandlerOf<typeof ConflictStoreService.method.setPolicy> {
  return async (request, call) => {
    const { household, user, role } = call.requireIdentity();
    if (role !== "owner") throw permissionDenied("only owners set policies", "OWNERS_ONLY");
    if (request.policy === undefined) throw invalid([{ field: "policy", description: "must be set" }]);
    const policy = policyFromWire(request.policy);
    checkPolicy(policy);
    await policies.set(policy, { household, user, now: clock.now() });
    return { policy: policyToWire(policy) };
  };
}
