import { ConflictService } from "@funkygibbon/gen/funkygibbon/conflict/v1/conflict_service_pb";
import { ResolverService } from "@funkygibbon/gen/funkygibbon/conflict/v1/resolver_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { ConflictStore } from "../domain/conflict-store.ts";
import { getConflictHandler } from "./get-conflict.ts";
import { listConflictsHandler } from "./list-conflicts.ts";
import { listPoliciesHandler } from "./list-policies.ts";
import { previewConflictHandler } from "./preview-conflict.ts";
import { type BatchListener, resolveHandler } from "./resolve.ts";
import { setPolicyHandler } from "./set-policy.ts";
import { settleConflictHandler } from "./settle-conflict.ts";
import { settleConflictsHandler } from "./settle-conflicts.ts";

/** Who is told of what happens here. */
export interface ConflictListeners {
  readonly onBatch: BatchListener;
  readonly onSettled: (count: number) => void;
}

/** The internal resolver, which wants a service credential, and the public inbox, which wants a user. */
export function bindServices(store: ConflictStore, { onBatch, onSettled }: ConflictListeners): readonly BoundService[] {
  return [
    implement(ResolverService, { access: "service", handlers: { resolve: resolveHandler(onBatch) } }),
    implement(ConflictService, {
      access: "user",
      handlers: {
        listConflicts: listConflictsHandler(store),
        getConflict: getConflictHandler(store),
        previewConflict: previewConflictHandler(store),
        settleConflict: settleConflictHandler(store, onSettled),
        settleConflicts: settleConflictsHandler(store, onSettled),
        listPolicies: listPoliciesHandler(store),
        setPolicy: setPolicyHandler(store),
      },
    }),
  ];
}
