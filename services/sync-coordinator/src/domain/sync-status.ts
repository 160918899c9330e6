import type { Outcome } from "@funkygibbon/kernel/record";

/** Whether every change found its place. A fault of the whole call is a status of the call, never one of these. */
export type SyncStatus = "success" | "partial";

/** Partial: some change waits for a person, an endpoint or another try, was rejected, or met a contradiction. */
export function syncStatus(outcomes: readonly Outcome[], conflicts: number): SyncStatus {
  const everythingSettled = outcomes.every(isSettled);
  return everythingSettled && conflicts === 0 ? "success" : "partial";
}

function isSettled(outcome: Outcome): boolean {
  return outcome === "applied" || outcome === "merged" || outcome === "superseded";
}
