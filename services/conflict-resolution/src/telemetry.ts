import type { Resolution } from "@funkygibbon/kernel/record";
import type { Telemetry } from "@funkygibbon/runtime/telemetry";

/** What happens in conflict-resolution, said once, to the metrics. Metrics bear decisions, never a household. */
export interface ConflictTelemetry {
  /** A batch of divergences was decided. */
  batchResolved(resolutions: readonly Resolution[], durationMs: number): void;
  /** A person settled conflicts. */
  conflictsSettled(count: number): void;
}

/** Creates the instruments. */
export function conflictTelemetry({ meter }: Telemetry): ConflictTelemetry {
  const divergences = meter.createCounter("funkygibbon_conflict_divergences", {
    description:
      "Divergences decided, by decision, and by the type of the conflict that was recorded (none: nothing was lost)",
  });
  const duration = meter.createHistogram("funkygibbon_conflict_resolve_duration_seconds", {
    description: "Time to decide one batch of divergences",
    unit: "s",
  });
  const settled = meter.createCounter("funkygibbon_conflict_settled", {
    description: "Conflicts that a person settled or decided again",
  });
  return {
    batchResolved(resolutions, durationMs) {
      duration.record(durationMs / 1_000);
      for (const [key, count] of countBy(resolutions)) {
        const [decision = "", conflict = ""] = key.split("/");
        divergences.add(count, { decision, conflict });
      }
    },
    conflictsSettled(count) {
      settled.add(count);
    },
  };
}

function countBy(resolutions: readonly Resolution[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { decision, conflict } of resolutions) {
    const key = `${decision.kind}/${conflict?.type ?? "none"}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
