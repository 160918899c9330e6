import type { Logger } from "@funkygibbon/runtime/log";
import type { Telemetry } from "@funkygibbon/runtime/telemetry";
import type { SyncTelemetry } from "./domain/ports.ts";

/** A part that keeps being away is logged once in this time. */
const DEGRADED_LOG_EVERY_MS = 10_000;

/** Counts and logs what happens in sync; metrics never bear a household or a device. */
export function syncTelemetry({ meter }: Telemetry, log: Logger): SyncTelemetry {
  const active = meter.createUpDownCounter("funkygibbon_sync_sessions", { description: "Live sessions by kind" });
  const ended = meter.createCounter("funkygibbon_sync_sessions_ended", { description: "Ended sessions by reason" });
  const changes = meter.createCounter("funkygibbon_sync_changes", { description: "Pushed changes that were answered" });
  const pushSeconds = meter.createHistogram("funkygibbon_sync_push_duration_seconds", {
    description: "Time from a push to its outcomes, by the number of transactions that it took",
    unit: "s",
    advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] },
  });
  const refused = meter.createCounter("funkygibbon_sync_pushes_refused", {
    description: "Pushes refused as a whole, by reason",
  });
  const records = meter.createCounter("funkygibbon_sync_records_sent", {
    description: "Records sent, backlog or live",
  });
  const noChange = meter.createCounter("funkygibbon_sync_no_change", {
    description: "Unary syncs that were answered without SQL",
  });
  const clocks = meter.createCounter("funkygibbon_sync_clock_relations", {
    description: "How devices' clocks stood to ours",
  });
  const reads = meter.createCounter("funkygibbon_sync_log_reads", { description: "Reads of the log by cause" });
  const without = meter.createCounter("funkygibbon_sync_degraded", {
    description: "Operations that did without Redis or NATS",
  });
  const loggedAtMs = new Map<string, number>();
  return {
    sessionOpened: (kind) => active.add(1, { kind }),
    sessionClosed(kind, reason) {
      active.add(-1, { kind });
      ended.add(1, { kind, reason });
    },
    pushSettled(facts) {
      changes.add(facts.changes);
      pushSeconds.record(facts.seconds, { rounds: facts.rounds });
    },
    pushRefused: (reason) => refused.add(1, { reason }),
    framesSent: (count, backlog) => records.add(count, { backlog }),
    noChangeSync: () => noChange.add(1),
    clockCompared: (relation) => clocks.add(1, { relation }),
    logRead: (why) => reads.add(1, { why }),
    degraded(part, what) {
      without.add(1, { part, what });
      const nowMs = performance.now();
      if (nowMs - (loggedAtMs.get(part) ?? Number.NEGATIVE_INFINITY) < DEGRADED_LOG_EVERY_MS) return;
      loggedAtMs.set(part, nowMs);
      log.warn({ part, what }, "sync.degraded");
    },
  };
}
