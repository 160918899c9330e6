import type { ConflictStoreService } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_store_service_pb";
import { notFound } from "@funkygibbon/kernel/errors";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { conflictToWire, policyToWire } from "@funkygibbon/wire/conflict";
import { recordVersionToWire } from "@funkygibbon/wire/record-version";
import type { StoreApi } from "../shared/store-api.ts";

/** ConflictStoreService.GetConflict. */
export function getConflict({
  conflicts,
}: Pick<StoreApi, "conflicts">): HandlerOf<typeof ConflictStoreService.method.getConflict> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    // Conflict ids are UUIDs as record ids are.
    const id = parseRecordId(request.id);
    const file = await conflicts.get(household, id, call.signal);
    if (file === undefined) throw notFound("conflict", id);
    const { local, server, base, head, policy } = file;
    return {
      conflict: conflictToWire(file.conflict),
      ...(local && { local: recordVersionToWire(local) }),
      ...(server && { server: recordVersionToWire(server) }),
      ...(base && { base: recordVersionToWire(base) }),
      ...(head && { head: recordVersionToWire(head) }),
      ...(policy && { policy: policyToWire(policy) }),
    };
  };
}
