import type {
  ClocksRequestSchema,
  ClocksResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { UnaryHandler } from "@funkygibbon/rpc/service";
import { positionToWire } from "@funkygibbon/wire/log-position";
import type { ChangeLogApi } from "./change-log-api.ts";

/** ChangeLogService.Clocks: the durable vector clock. */
export function clocks(api: ChangeLogApi): UnaryHandler<typeof ClocksRequestSchema, typeof ClocksResponseSchema> {
  return async (request, call) => {
    const { position, versions } = await api.reads.clocks(parseHouseholdId(request.householdId), call.signal);
    return { position: positionToWire(position), versions: Object.fromEntries(versions) };
  };
}
