import type { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import type { Handlers } from "@funkygibbon/rpc/service";
import { conflictToWire, fieldConflictToWire } from "@funkygibbon/wire/conflict";
import { recordVersionToWire } from "@funkygibbon/wire/record-version";
import type { ConflictStore } from "../domain/conflict-store.ts";
import { explainConflict } from "../domain/explain-conflict.ts";
import { onBehalfOf } from "./caller.ts";
import { parseConflictId } from "./fields.ts";

/** ConflictService.GetConflict: one conflict in three columns, with the versions that it is about. */
export function getConflictHandler(store: ConflictStore): Handlers<typeof ConflictService>["getConflict"] {
  return async ({ id }, call) => {
    const file = await store.get(parseConflictId(id), onBehalfOf(call));
    return {
      conflict: conflictToWire(file.conflict),
      fields: explainConflict(file).map(({ values, equal, explanation }) => ({
        values: fieldConflictToWire(values),
        equal,
        explanation,
      })),
      local: recordVersionToWire(file.local),
      ...(file.server && { server: recordVersionToWire(file.server) }),
      ...(file.base && { base: recordVersionToWire(file.base) }),
      ...(file.head && { head: recordVersionToWire(file.head) }),
    };
  };
}
