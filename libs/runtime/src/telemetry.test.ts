import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { startTelemetry } from "./telemetry.ts";
import { extractTrace, injectTrace } from "./trace-context.ts";
import { startTracing } from "./tracing.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("telemetry", () => {
  it("renders its own metrics and those of the process, apart from another system's", async () => {
    await using one = startTelemetry({ service: "one", version: "1" });
    await using two = startTelemetry({ service: "two", version: "1" });
    one.meter.createCounter("commits").add(3, { outcome: "applied" });
    const text = await one.prometheusText();
    expect(text).toMatch(/commits_total\{outcome="applied".*\} 3/);
    expect(text).toMatch(/process_memory_rss_bytes\{.*\} \d+/);
    expect(text).toMatch(/nodejs_eventloop_delay_p99_seconds/);
    expect(await two.prometheusText()).not.toContain("commits_total");
  });

  it("passes a caller's trace on although no spans are recorded", async () => {
    await using telemetry = startTelemetry({ service: "one", version: "1" });
    const incoming = extractTrace((name) => (name === "traceparent" ? TRACEPARENT : undefined));
    const span = telemetry.tracer.startSpan("call", {}, incoming);
    const headers: Record<string, string> = {};
    injectTrace(trace.setSpan(incoming, span), (name, value) => {
      headers[name] = value;
    });
    expect(headers.traceparent).toBe(TRACEPARENT);
  });

  it("invents no trace where there is none", () => {
    const headers: string[] = [];
    injectTrace(ROOT_CONTEXT, (name) => headers.push(name));
    expect(headers).toEqual([]);
    expect(trace.getSpanContext(extractTrace(() => "rubbish"))).toBeUndefined();
  });

  it("sends spans to the collector, the last ones when it stops", async () => {
    const bodies: string[] = [];
    const collector = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        bodies.push(`${request.url} ${Buffer.concat(chunks).toString()}`);
        response.end("{}");
      });
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const { port } = collector.address() as AddressInfo;
    {
      const service = { service: "one", version: "1" };
      const tracing = startTracing({ ...service, otlpEndpoint: `http://127.0.0.1:${port}` });
      await using telemetry = startTelemetry({ ...service, tracing });
      telemetry.tracer.startSpan("the-span").end();
    }
    await new Promise((resolve) => collector.close(resolve));
    expect(bodies.join()).toMatch(/\/v1\/traces .*the-span/s);
  });
});
