import type { Clock } from "@funkygibbon/kernel/clock";
import type { ActivityLog } from "./activity-log.ts";
import type { ConflictInbox } from "./conflict-inbox.ts";
import type { DeviceSync } from "./device-sync.ts";
import type { HomeEdits } from "./home-edits.ts";
import type { HomeGraph } from "./home-graph.ts";
import type { HomeHistory } from "./home-history.ts";

/** Everything that tools reach. */
export interface Ports {
  readonly graph: HomeGraph;
  readonly edits: HomeEdits;
  readonly history: HomeHistory;
  readonly activity: ActivityLog;
  readonly devices: DeviceSync;
  readonly conflicts: ConflictInbox;
  readonly clock: Clock;
}
