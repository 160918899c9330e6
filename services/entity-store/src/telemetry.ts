import type { Telemetry } from "@funkygibbon/runtime/telemetry";
import type { GroupReport } from "./adapters/postgres-change-log.ts";
import type { RelayLag } from "./adapters/relay.ts";

/** What happens in entity-store, said once, to the metrics. Metrics never bear a household. */
export interface EntityStoreTelemetry {
  /** A transaction of the log has ended. */
  groupCommitted(report: GroupReport): void;
  /** A sweep has looked at what is not published yet. */
  relayLag(lag: RelayLag): void;
  /** Says, when asked, how many jobs wait or are under way. */
  observeQueue(depth: () => number): void;
}

/** Creates the instruments. */
export function entityStoreTelemetry({ meter }: Telemetry): EntityStoreTelemetry {
  const duration = meter.createHistogram("funkygibbon_store_commit_duration_seconds", {
    description: "Time of one transaction of the log, by how it ended",
    unit: "s",
  });
  const jobs = meter.createHistogram("funkygibbon_store_commit_group_jobs", {
    description: "Jobs that shared one transaction",
  });
  const versions = meter.createCounter("funkygibbon_store_versions", { description: "Versions written to logs" });
  const queue = meter.createObservableGauge("funkygibbon_store_commit_queue", {
    description: "Jobs that wait for their transaction or are in it",
  });
  const lagVersions = meter.createGauge("funkygibbon_store_relay_lag_versions", {
    description: "Versions that no event has told of when the sweep looked",
  });
  const lagAge = meter.createGauge("funkygibbon_store_relay_lag_seconds", {
    description: "Age of the newest commit of the household that waits longest for its events",
    unit: "s",
  });
  return {
    groupCommitted(report) {
      duration.record(report.durationMs / 1_000, { outcome: report.outcome });
      jobs.record(report.jobs);
      versions.add(report.versions);
    },
    relayLag(lag) {
      lagVersions.record(lag.versions);
      lagAge.record(lag.ageMs / 1_000);
    },
    observeQueue: (depth) => queue.addCallback((result) => result.observe(depth())),
  };
}
