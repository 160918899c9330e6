import { runService } from "@funkygibbon/runtime/run-service";
import { configureSyncCoordinator } from "./config.ts";
import { SYNC_COORDINATOR_VERSION, startSyncCoordinator } from "./service.ts";

await runService({
  name: "sync-coordinator",
  version: SYNC_COORDINATOR_VERSION,
  configure: configureSyncCoordinator,
  start: startSyncCoordinator,
});
