import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { StoreApi } from "../shared/store-api.ts";

/** GraphService.GetStatistics. */
export function getStatistics({
  households,
}: Pick<StoreApi, "households">): HandlerOf<typeof GraphService.method.getStatistics> {
  return async (_request, call) => {
    const { household } = call.requireIdentity();
    const statistics = await households.statistics(household, call.signal);
    return {
      entities: [...statistics.entities].map(([type, count]) => ({
        type: entityTypes.toWire(type),
        count: BigInt(count),
      })),
      relationships: [...statistics.relationships].map(([type, count]) => ({
        type: relationshipTypes.toWire(type),
        count: BigInt(count),
      })),
      deletedRecords: BigInt(statistics.deletedRecords),
      versions: BigInt(statistics.versions),
      openConflicts: BigInt(statistics.openConflicts),
    };
  };
}
