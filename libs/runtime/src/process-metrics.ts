import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";

const NANOS_PER_SECOND = 1e9;

const GC_KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weak-callbacks",
};

/** Measures this process: memory, CPU, event loop delay and garbage collection. Returns how to stop. */
export function observeProcess(meter: Meter): () => void {
  const loop = monitorEventLoopDelay({ resolution: 20 });
  loop.enable();

  meter
    .createObservableGauge("process.memory.rss_bytes", { unit: "By", description: "Resident memory" })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  meter
    .createObservableGauge("process.memory.heap_used_bytes", { unit: "By", description: "JavaScript heap in use" })
    .addCallback((result) => result.observe(process.memoryUsage().heapUsed));
  meter
    .createObservableCounter("process.cpu_seconds", { unit: "s", description: "CPU time, user and system" })
    .addCallback((result) => {
      const { user, system } = process.cpuUsage();
      result.observe((user + system) / 1e6);
    });
  meter
    .createObservableGauge("nodejs.eventloop.delay_p99_seconds", {
      unit: "s",
      description: "p99 delay since the last scrape",
    })
    .addCallback((result) => {
      result.observe(loop.percentile(99) / NANOS_PER_SECOND);
      loop.reset();
    });

  const pauses = meter.createHistogram("nodejs.gc.pause_seconds", {
    unit: "s",
    description: "Garbage collection pauses",
    advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5] },
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) pauses.record(entry.duration / 1_000, { kind: gcKind(entry) });
  });
  observer.observe({ entryTypes: ["gc"] });

  return () => {
    loop.disable();
    observer.disconnect();
  };
}

function gcKind(entry: PerformanceEntry): string {
  if (!("detail" in entry)) return "other";
  const { detail } = entry;
  if (typeof detail !== "object" || detail === null || !("kind" in detail)) return "other";
  return GC_KINDS[Number(detail.kind)] ?? "other";
}
