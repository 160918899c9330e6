import { ChangeLogService } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { ChangeLogApi } from "./change-log-api.ts";
import { clocks } from "./clocks.ts";
import { commitStream } from "./commit-stream.ts";
import { heads } from "./heads.ts";
import { readLog } from "./read-log.ts";

/** The log of households, for the services that carry edits to and from devices. */
export function changeLogService(api: ChangeLogApi): BoundService {
  return implement(ChangeLogService, {
    access: "service",
    handlers: {
      commitStream: commitStream(api),
      readLog: readLog(api),
      heads: heads(api),
      clocks: clocks(api),
    },
  });
}
