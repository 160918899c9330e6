import type { Meter, ObservableResult } from "@opentelemetry/api";

/** What a bus tells about itself: events published by outcome, and whether NATS is there. */
export class EventMetrics {
  readonly #published;
  readonly #stop: () => void;

  constructor(meter: Meter, isAvailable: () => boolean) {
    this.#published = meter.createCounter("events.published", { description: "Events published, by outcome" });
    const up = meter.createObservableGauge("events.up", { description: "1 while NATS is connected" });
    const observe = (result: ObservableResult) => result.observe(isAvailable() ? 1 : 0);
    up.addCallback(observe);
    this.#stop = () => up.removeCallback(observe);
  }

  /** Counts an event. */
  published(outcome: "ok" | "failed"): void {
    this.#published.add(1, { outcome });
  }

  /** Stops observing the bus. */
  stop(): void {
    this.#stop();
  }
}
