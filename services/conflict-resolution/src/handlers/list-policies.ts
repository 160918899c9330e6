import type { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import type { Handlers } from "@funkygibbon/rpc/service";
import { policyToWire } from "@funkygibbon/wire/conflict";
import type { ConflictStore } from "../domain/conflict-store.ts";
import { effectivePolicies } from "../domain/policy.ts";
import { onBehalfOf } from "./caller.ts";

/** ConflictService.ListPolicies: every policy as it applies, defaults filled in. */
export function listPoliciesHandler(store: ConflictStore): Handlers<typeof ConflictService>["listPolicies"] {
  return async (_request, call) => {
    const stored = await store.listPolicies(onBehalfOf(call));
    return { policies: effectivePolicies(stored).map(policyToWire) };
  };
}
