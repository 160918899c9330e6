import type { Meter, ObservableResult } from "@opentelemetry/api";

/** What a connection tells about itself: operations by outcome, and whether Redis is there. */
export class RedisMetrics {
  readonly #duration;
  readonly #stop: () => void;

  constructor(meter: Meter, isAvailable: () => boolean) {
    this.#duration = meter.createHistogram("redis.operation.duration", {
      unit: "s",
      description: "Time of an operation on Redis",
      advice: { explicitBucketBoundaries: [0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] },
    });
    const up = meter.createObservableGauge("redis.up", { description: "1 while Redis is reachable" });
    const observe = (result: ObservableResult) => result.observe(isAvailable() ? 1 : 0);
    up.addCallback(observe);
    this.#stop = () => up.removeCallback(observe);
  }

  /** Counts an operation that ended. */
  operation(outcome: "ok" | "failed", durationMs: number): void {
    this.#duration.record(durationMs / 1_000, { outcome });
  }

  /** Stops observing the connection. */
  stop(): void {
    this.#stop();
  }
}
