import type {
  HeadsRequestSchema,
  HeadsResponseSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { DomainError, notFound } from "@funkygibbon/kernel/errors";
import { mayWrite } from "@funkygibbon/kernel/identity";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import type { UnaryHandler } from "@funkygibbon/rpc/service";
import { positionToWire } from "@funkygibbon/wire/log-position";
import type { ChangeLogApi } from "./change-log-api.ts";

/** ChangeLogService.Heads: where a log stands. A writing user's first contact founds the household; a guest's does not. */
export function heads(api: ChangeLogApi): UnaryHandler<typeof HeadsRequestSchema, typeof HeadsResponseSchema> {
  return async (request, call) => {
    const { identity, signal } = call;
    const household = identity?.household ?? parseHouseholdId(request.householdId);
    if (request.householdId !== "" && request.householdId !== household)
      throw notFound("household", request.householdId);
    try {
      return { position: positionToWire(await api.reads.position(household, signal)) };
    } catch (error) {
      const unknown = error instanceof DomainError && error.kind === "not-found";
      if (!unknown || identity === undefined || !mayWrite(identity.role)) throw error;
      await api.founding.found(household);
      return { position: positionToWire(await api.reads.position(household, signal)) };
    }
  };
}
