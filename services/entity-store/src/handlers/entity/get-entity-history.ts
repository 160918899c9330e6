import type { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { historyPage } from "../shared/history-page.ts";
import type { StoreApi } from "../shared/store-api.ts";

/** EntityService.GetEntityHistory. */
export function getEntityHistory(
  api: Pick<StoreApi, "history" | "pageTokens">,
): HandlerOf<typeof EntityService.method.getEntityHistory> {
  return (request, call) => historyPage(api, { kind: "entity", request, call });
}
