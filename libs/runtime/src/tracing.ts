import type { Tracer } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

/** Options of {@link startTracing}. */
export interface TracingOptions {
  readonly service: string;
  readonly version: string;
  /** Base URL of an OTLP/HTTP collector; traces go to `/v1/traces` there. */
  readonly otlpEndpoint: string;
}

/** Spans on their way to a collector. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Sends the spans that were not sent yet. */
  stop(): Promise<void>;
}

/** Records spans. A module of its own, which is loaded only where there is a collector: it weighs 8 MB. */
export function startTracing({ service, version, otlpEndpoint }: TracingOptions): Tracing {
  const resource = resourceFromAttributes({ "service.name": service, "service.version": version });
  const exporter = new OTLPTraceExporter({ url: new URL("v1/traces", withSlash(otlpEndpoint)).href });
  const provider = new TracerProvider({ resource, spanProcessors: [new BatchSpanProcessor({ exporter })] });
  return { tracer: provider.getTracer("funkygibbon", version), stop: () => provider.shutdown() };
}

function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}
