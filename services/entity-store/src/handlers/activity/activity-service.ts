import { ActivityService } from "@funkygibbon/gen/funkygibbon/entity/v1/activity_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { StoreApi } from "../shared/store-api.ts";
import { listActivity } from "./list-activity.ts";

/** Who changed what through the API and through assistants. */
export function activityService(api: StoreApi): BoundService {
  return implement(ActivityService, { access: "user", handlers: { listActivity: listActivity(api) } });
}
