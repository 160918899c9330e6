import type { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { ConflictState } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import type { Handlers } from "@funkygibbon/rpc/service";
import { conflictToWire } from "@funkygibbon/wire/conflict";
import type { ConflictQuery, ConflictStore } from "../domain/conflict-store.ts";
import { onBehalfOf } from "./caller.ts";

/** ConflictService.ListConflicts: one page of the inbox, newest first. */
export function listConflictsHandler(store: ConflictStore): Handlers<typeof ConflictService>["listConflicts"] {
  return async ({ pageSize, pageToken, state, recordId, deviceId }, call) => {
    const query: ConflictQuery = { pageSize, pageToken, state: parseState(state), recordId, deviceId };
    const page = await store.list(query, onBehalfOf(call));
    return { conflicts: page.conflicts.map(conflictToWire), nextPageToken: page.nextPageToken };
  };
}

function parseState(state: ConflictState): ConflictQuery["state"] {
  switch (state) {
    case ConflictState.UNSPECIFIED:
      return "any";
    case ConflictState.OPEN:
      return "open";
    case ConflictState.SETTLED:
      return "settled";
    default:
      throw invalid([{ field: "state", description: "must be CONFLICT_STATE_OPEN, CONFLICT_STATE_SETTLED or unset" }]);
  }
}
