import { DomainError } from "@funkygibbon/kernel/errors";
import type { ConflictRow } from "@funkygibbon/kernel/record";
import type { ConflictStore, OnBehalfOf } from "./conflict-store.ts";
import type { SettlementChoice } from "./plan-settlement.ts";
import { settleConflict } from "./settle-conflict.ts";

/** At most this many conflicts in one call. */
export const MAX_SETTLEMENTS = 100;

/** What became of one conflict among several. */
export type SettlementResult =
  | { readonly id: string; readonly kind: "settled"; readonly conflict: ConflictRow }
  | { readonly id: string; readonly kind: "failed"; readonly reason: string; readonly message: string };

/**
 * Settles each by itself, in the order given and one after the other: several may be about one record. What is settled
 * when the caller goes away stays settled.
 */
export async function settleMany(
  store: ConflictStore,
  { conflicts, choice }: { conflicts: readonly { id: string; etag: string }[]; choice: SettlementChoice },
  caller: OnBehalfOf,
): Promise<readonly SettlementResult[]> {
  const results: SettlementResult[] = [];
  for (const { id, etag } of conflicts) {
    const request = { id, etag, choice, origin: undefined, request: undefined, dryRun: false };
    results.push(await settleOne(store, request, caller));
  }
  return results;
}

async function settleOne(...[store, request, caller]: Parameters<typeof settleConflict>): Promise<SettlementResult> {
  try {
    const { conflict } = await settleConflict(store, request, caller);
    return { id: request.id, kind: "settled", conflict };
  } catch (error) {
    // Our own faults fail the call, so that they are logged with their cause; the rest is an answer about one conflict.
    if (!(error instanceof DomainError) || error.kind === "internal" || caller.signal.aborted) throw error;
    return { id: request.id, kind: "failed", reason: error.reason, message: error.message };
  }
}
