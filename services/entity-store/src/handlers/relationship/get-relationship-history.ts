import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { historyPage } from "../shared/history-page.ts";
import type { StoreApi } from "../shared/store-api.ts";

/** RelationshipService.GetRelationshipHistory. */
export function getRelationshipHistory(
  api: Pick<StoreApi, "history" | "pageTokens">,
): HandlerOf<typeof RelationshipService.method.getRelationshipHistory> {
  return (request, call) => historyPage(api, { kind: "relationship", request, call });
}
