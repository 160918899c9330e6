import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { cors } from "@connectrpc/connect";
import type { Logger } from "@funkygibbon/runtime/log";
import { PEER_HEADER } from "./connect-binding.ts";

/** A plain HTTP/1.1 handler beside the RPCs, for example MCP. Host and origin have been checked before it is called. */
export type HttpRoute = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Options of {@link createHttpFront}. */
export interface HttpFrontOptions {
  /** By exact path, query aside. */
  readonly routes: ReadonlyMap<string, HttpRoute>;
  /** Paths that probes ask for by whatever name they know the machine: served for any Host. */
  readonly anyHostPaths: ReadonlySet<string>;
  /** Answers everything that is no route. */
  readonly rpc: (request: IncomingMessage, response: ServerResponse) => void;
  readonly corsOrigins: readonly string[];
  readonly allowedHosts: readonly string[];
  readonly log: Logger;
}

/** A page on this machine during development; the default of both allow-lists. */
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;
const LOOPBACK_ORIGIN = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

const ALLOWED_METHODS = [...cors.allowedMethods, "DELETE", "OPTIONS"].join(", ");
const ALLOWED_HEADERS = [
  ...cors.allowedHeaders,
  "Authorization",
  "X-Request-Id",
  "Traceparent",
  "Tracestate",
  "Mcp-Session-Id",
  "Mcp-Protocol-Version",
  "Mcp-Method",
  "Mcp-Name",
  "Last-Event-Id",
].join(", ");
const EXPOSED_HEADERS = [...cors.exposedHeaders, "X-Request-Id", "Mcp-Session-Id", "Www-Authenticate"].join(", ");
const PREFLIGHT_CACHE_SECONDS = 7_200;

/** The HTTP/1.1 side of the port: checks Host and Origin, then hands over to a route or the RPCs. */
export function createHttpFront(options: HttpFrontOptions): Server {
  const hosts = new Set(options.allowedHosts.map((host) => host.toLowerCase()));
  const origins = new Set(options.corsOrigins.map((origin) => origin.toLowerCase()));
  // Longer than the idle timeout of common load balancers, so that they close first and never write into a closing connection.
  const server = createServer({ keepAliveTimeout: 65_000 });
  server.on("request", (request, response) => {
    const path = pathOf(request);
    if (!options.anyHostPaths.has(path) && !isAllowedHost(request.headers.host, hosts)) {
      return refuse(response, 403, "this Host is not served here");
    }
    const { origin } = request.headers;
    if (origin !== undefined) {
      if (!isAllowedOrigin(origin, origins)) return refuse(response, 403, "this Origin may not call here");
      allowOrigin(response, origin);
      if (isPreflight(request)) return answerPreflight(response);
    }
    request.headers[PEER_HEADER] = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    const route = options.routes.get(path);
    if (route === undefined) return options.rpc(request, response);
    runRoute(route, request, response, options.log);
  });
  // It is handed its connections and never listens by itself; Node starts to watch over slow requests with this event.
  server.emit("listening");
  return server;
}

/** Answers with a short JSON object `{"error": text}`. */
export function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: text }));
}

function runRoute(route: HttpRoute, request: IncomingMessage, response: ServerResponse, log: Logger): void {
  (async () => route(request, response))().catch((error: unknown) => {
    log.error({ err: error, path: pathOf(request) }, "http.route-failed");
    if (response.headersSent) response.destroy();
    else refuse(response, 500, "internal error");
  });
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? "").split("?", 1)[0] ?? "";
}

/** An entry without a port admits any port. */
function isAllowedHost(host: string | undefined, allowed: ReadonlySet<string>): boolean {
  if (host === undefined) return false;
  const name = host.toLowerCase();
  if (allowed.size === 0) return LOOPBACK_HOST.test(name);
  return allowed.has(name) || allowed.has(name.replace(/:\d{1,5}$/, ""));
}

function isAllowedOrigin(origin: string, allowed: ReadonlySet<string>): boolean {
  const name = origin.toLowerCase();
  return allowed.size === 0 ? LOOPBACK_ORIGIN.test(name) : allowed.has(name);
}

function allowOrigin(response: ServerResponse, origin: string): void {
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", EXPOSED_HEADERS);
  response.setHeader("vary", "Origin");
}

function isPreflight(request: IncomingMessage): boolean {
  return request.method === "OPTIONS" && request.headers["access-control-request-method"] !== undefined;
}

function answerPreflight(response: ServerResponse): void {
  response.writeHead(204, {
    "access-control-allow-methods": ALLOWED_METHODS,
    "access-control-allow-headers": ALLOWED_HEADERS,
    "access-control-max-age": String(PREFLIGHT_CACHE_SECONDS),
  });
  response.end();
}
