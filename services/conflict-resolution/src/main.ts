import { runService } from "@funkygibbon/runtime/run-service";
import { configureConflictResolution } from "./config.ts";
import { CONFLICT_RESOLUTION_VERSION, startConflictResolution } from "./service.ts";

await runService({
  name: "conflict-resolution",
  version: CONFLICT_RESOLUTION_VERSION,
  configure: configureConflictResolution,
  start: startConflictResolution,
});
