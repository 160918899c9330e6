import { ConflictStoreService } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { StoreApi } from "../shared/store-api.ts";
import { getConflict } from "./get-conflict.ts";
import { listConflicts } from "./list-conflicts.ts";
import { listPolicies } from "./list-policies.ts";
import { setPolicy } from "./set-policy.ts";
import { settleConflict } from "./settle-conflict.ts";

/** The rows of conflicts and policies, for conflict-resolution. */
export function conflictStoreService(api: StoreApi): BoundService {
  return implement(ConflictStoreService, {
    access: "service",
    handlers: {
      listConflicts: listConflicts(api),
      getConflict: getConflict(api),
      settleConflict: settleConflict(api),
      listPolicies: listPolicies(api),
      setPolicy: setPolicy(api),
    },
  });
}
