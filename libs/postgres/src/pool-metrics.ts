import type { Meter, ObservableResult } from "@opentelemetry/api";
import type { Pool } from "pg";

/** What a pool tells about itself: connections by state, callers in the queue, transactions by outcome, retries by cause. */
export class PoolMetrics {
  readonly #duration;
  readonly #retries;
  readonly #observers: (() => void)[] = [];

  constructor(meter: Meter, pool: Pool) {
    this.#duration = meter.createHistogram("db.transaction.duration", {
      unit: "s",
      description: "Time from asking for a transaction to its end, retries included",
      advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5] },
    });
    this.#retries = meter.createCounter("db.transaction.retries", {
      description: "Transactions that were run again, by cause",
    });
    const connections = meter.createObservableGauge("db.client.connection.count", {
      description: "Connections of the pool by state",
    });
    const waiting = meter.createObservableGauge("db.client.connection.pending_requests", {
      description: "Callers that wait for a connection",
    });
    const observeConnections = (result: ObservableResult) => {
      result.observe(pool.idleCount, { state: "idle" });
      result.observe(pool.totalCount - pool.idleCount, { state: "used" });
    };
    const observeWaiting = (result: ObservableResult) => result.observe(pool.waitingCount);
    connections.addCallback(observeConnections);
    waiting.addCallback(observeWaiting);
    this.#observers.push(
      () => connections.removeCallback(observeConnections),
      () => waiting.removeCallback(observeWaiting),
    );
  }

  /** Counts a transaction that ended. */
  transaction(outcome: "committed" | "failed", durationMs: number): void {
    this.#duration.record(durationMs / 1_000, { outcome });
  }

  /** Counts an attempt that had to be repeated. */
  retry(cause: "contention" | "connection" | "stale-plan"): void {
    this.#retries.add(1, { cause });
  }

  /** Stops observing the pool. */
  stop(): void {
    for (const remove of this.#observers) remove();
  }
}
