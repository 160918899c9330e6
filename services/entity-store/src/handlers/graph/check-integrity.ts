import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import type { StoreApi } from "../shared/store-api.ts";

/** GraphService.CheckIntegrity. */
export function checkIntegrity({
  households,
}: Pick<StoreApi, "households">): HandlerOf<typeof GraphService.method.checkIntegrity> {
  return async (_request, call) => {
    const { household } = call.requireIdentity();
    const { faults, checkedRecords } = await households.checkIntegrity(household, call.signal);
    return {
      faults: faults.map(({ reason, record, message }) => ({ reason, recordId: record ?? "", message })),
      checkedRecords: BigInt(checkedRecords),
    };
  };
}
