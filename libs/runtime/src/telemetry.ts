import { type Meter, ROOT_CONTEXT, type Tracer, trace } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { observeProcess } from "./process-metrics.ts";
import type { Tracing } from "./tracing.ts";

/** Options of {@link startTelemetry}. */
export interface TelemetryOptions {
  readonly service: string;
  readonly version: string;
  /** Without it spans are not recorded, but trace context still travels. */
  readonly tracing?: Tracing | undefined;
}

/** The metrics and traces of one service. Nothing is registered globally: several live side by side in one process. */
export interface Telemetry extends AsyncDisposable {
  readonly meter: Meter;
  readonly tracer: Tracer;
  /** All metrics in the Prometheus text format (version 0.0.4). */
  prometheusText(): Promise<string>;
}

/** Starts measuring. Disposing flushes the spans that were not sent yet, for at most 2 s. */
export function startTelemetry(options: TelemetryOptions): Telemetry {
  const resource = resourceFromAttributes({ "service.name": options.service, "service.version": options.version });
  const reader = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ resource, readers: [reader] });
  const meter = meterProvider.getMeter("funkygibbon", options.version);
  const stopObserving = observeProcess(meter);
  const { tracing } = options;
  const serializer = new PrometheusSerializer();
  return {
    meter,
    tracer: tracing?.tracer ?? forwardingTracer(),
    async prometheusText() {
      const { resourceMetrics } = await reader.collect();
      return serializer.serialize(resourceMetrics);
    },
    async [Symbol.asyncDispose]() {
      stopObserving();
      await Promise.race([
        Promise.allSettled([tracing?.stop(), meterProvider.shutdown()]),
        new Promise((resolve) => setTimeout(resolve, 2_000).unref()),
      ]);
    },
  };
}

/** Records nothing; a span it starts is its parent's, so a caller's trace is passed on unbroken. */
function forwardingTracer(): Tracer {
  const startSpan: Tracer["startSpan"] = (_name, _options, parent = ROOT_CONTEXT) =>
    trace.wrapSpanContext(trace.getSpanContext(parent) ?? NO_SPAN);
  return {
    startSpan,
    startActiveSpan: () => {
      throw new Error("startActiveSpan needs a global context manager; use startSpan and withCallScope");
    },
  };
}

const NO_SPAN = { traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 };
