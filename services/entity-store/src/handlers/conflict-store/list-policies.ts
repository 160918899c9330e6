import type { ConflictStoreService } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { policyToWire } from "@funkygibbon/wire/conflict";
import type { StoreApi } from "../shared/store-api.ts";

/** ConflictStoreService.ListPolicies. */
export function listPolicies({
  policies,
}: Pick<StoreApi, "policies">): HandlerOf<typeof ConflictStoreService.method.listPolicies> {
  return async (_request, call) => {
    const { household } = call.requireIdentity();
    const set = await policies.list(household, call.signal);
    return { policies: set.map(policyToWire) };
  };
}
