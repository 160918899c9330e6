import { type Context, ROOT_CONTEXT } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";

const propagator = new W3CTraceContextPropagator();

/** The caller's trace from `traceparent` and `tracestate`; the root context when there is none or it is malformed. */
export function extractTrace(header: (name: string) => string | undefined): Context {
  if (header("traceparent") === undefined) return ROOT_CONTEXT;
  return propagator.extract(ROOT_CONTEXT, undefined, { get: (_carrier, name) => header(name), keys: () => [] });
}

/** Writes `traceparent` and `tracestate` for an outgoing call; nothing when there is no trace. */
export function injectTrace(context: Context, setHeader: (name: string, value: string) => void): void {
  propagator.inject(context, undefined, { set: (_carrier, name, value) => setHeader(name, value) });
}
