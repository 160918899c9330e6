import type { IncomingMessage } from "node:http";
import type { Health } from "@funkygibbon/runtime/health";
import type { Telemetry } from "@funkygibbon/runtime/telemetry";
import { type HttpRoute, refuse } from "./http-front.ts";

/** Served for any Host, because probes come by the address of a container. They show states only. */
export const PROBE_PATHS: ReadonlySet<string> = new Set(["/livez", "/readyz", "/healthz"]);

const LOOPBACK_ADDRESSES = new Set(["127.0.0.1", "::1", "::ffff:127.0.0.1"]);

/**
 * - `/livez`: 200 as long as the process answers.
 * - `/readyz`: 200 while calls are welcome, else 503.
 * - `/healthz`: the same with each check's state.
 * - `/metrics`: Prometheus text; only for callers on this machine unless made public.
 */
export function operationsRoutes(options: {
  readonly health: Health;
  readonly telemetry: Telemetry;
  readonly metricsPublic: boolean;
}): Map<string, HttpRoute> {
  const { health, telemetry, metricsPublic } = options;
  return new Map<string, HttpRoute>([
    ["/livez", (_request, response) => void response.end("ok")],
    [
      "/readyz",
      async (_request, response) => {
        const { ready } = await health.check();
        response.writeHead(ready ? 200 : 503).end(ready ? "ready" : "not ready");
      },
    ],
    [
      "/healthz",
      async (_request, response) => {
        const report = await health.check();
        response.writeHead(report.ready ? 200 : 503, { "content-type": "application/json" });
        response.end(JSON.stringify({ state: health.state, ...report }));
      },
    ],
    [
      "/metrics",
      async (request, response) => {
        if (!metricsPublic && !isLoopback(request)) return refuse(response, 403, "metrics are for this machine only");
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
        response.end(await telemetry.prometheusText());
      },
    ],
  ]);
}

function isLoopback(request: IncomingMessage): boolean {
  return LOOPBACK_ADDRESSES.has(request.socket.remoteAddress ?? "");
}
