import {
  ConflictState,
  type ConflictStoreService,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseDeviceId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { conflictToWire } from "@funkygibbon/wire/conflict";
import type { ConflictListQuery, ConflictPosition } from "../../domain/conflict-reads.ts";
import type { PagePosition, PageScope } from "../../domain/page-token.ts";
import { parseCount, parseOptionalId } from "../shared/fields.ts";
import type { StoreApi } from "../shared/store-api.ts";

const PAGE_SIZE = { field: "page_size", standard: 50, maximum: 200 };

/** ConflictStoreService.ListConflicts. */
export function listConflicts({
  conflicts,
  pageTokens,
}: Pick<StoreApi, "conflicts" | "pageTokens">): HandlerOf<typeof ConflictStoreService.method.listConflicts> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const size = parseCount(request.pageSize, PAGE_SIZE);
    const filter = {
      state: parseState(request.state),
      record: parseOptionalId(request.recordId, "record_id"),
      device: request.deviceId === "" ? undefined : parseDeviceId(request.deviceId),
    };
    const scope: PageScope = { household, list: "conflicts", filter };
    const after = positionOf(pageTokens.open(scope, request.pageToken));
    const page = await conflicts.list({ ...filter, household, after, limit: size, signal: call.signal });
    const last = page.more ? page.conflicts.at(-1) : undefined;
    return {
      conflicts: page.conflicts.map(conflictToWire),
      nextPageToken: last === undefined ? "" : pageTokens.seal(scope, [last.openedUs, last.id]),
    };
  };
}

function parseState(state: ConflictState): ConflictListQuery["state"] {
  switch (state) {
    case ConflictState.UNSPECIFIED:
      return "any";
    case ConflictState.OPEN:
      return "open";
    case ConflictState.SETTLED:
      return "settled";
    default:
      throw invalid([{ field: "state", description: `has no value ${state}` }]);
  }
}

/** Page tokens are genuine, so what is in them was put there by this list. */
function positionOf(position: PagePosition | undefined): ConflictPosition | undefined {
  return position && { openedUs: Number(position[0]), id: String(position[1]) };
}
