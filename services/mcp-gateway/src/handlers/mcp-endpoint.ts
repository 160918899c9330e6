import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { must } from "@funkygibbon/kernel/must";
import type { TokenVerifier } from "@funkygibbon/rpc/auth";
import type { HttpRoute } from "@funkygibbon/rpc/http-front";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  isInitializeRequest,
  isJSONRPCRequest,
  isJsonContentType,
  isLegacyRequest,
  type McpHandlerRequestOptions,
  type McpRequestContext,
  type McpServer,
} from "@modelcontextprotocol/server";
import type { GraphChanges } from "../domain/graph-changes.ts";
import type { RateLimits } from "../domain/rate-limits.ts";
import type { SessionPeers } from "../domain/sessions.ts";
import { admit } from "./bearer-gate.ts";
import { identityOf, toldToWait } from "./caller.ts";
import { LegacyEndpoint } from "./legacy-endpoint.ts";
import { type ListenerLimits, Listeners } from "./listeners.ts";
import { asListen, ModernListening } from "./modern-listening.ts";
import { Places } from "./places.ts";
import { MCP_PATH, type ProtectedResource, resourceMetadataUrl } from "./resource-metadata.ts";
import { parseHello, SESSION_HEADER, sessionIdFor } from "./session-id.ts";
import { idOf, parseStrictly } from "./strict-json.ts";

/** Options of {@link createMcpEndpoint}. */
export interface McpEndpointOptions {
  factory(context: McpRequestContext): McpServer;
  readonly verifier: Pick<TokenVerifier, "verifyUser">;
  readonly resource: ProtectedResource;
  readonly rateLimits: RateLimits;
  readonly changes: GraphChanges;
  readonly listenerLimits: ListenerLimits;
  readonly peers: SessionPeers;
  /** One listener more, or one less. */
  onListening?(change: 1 | -1): void;
  /** Rejected requests and faults of the transport; for the log only. */
  onTransportError(error: Error): void;
}

/** The MCP endpoint: Streamable HTTP for revision 2026-07-28 and, stateless, for clients of 2025-11-25. */
export interface McpEndpoint extends AsyncDisposable {
  readonly route: HttpRoute;
  /** Refuses new requests (503) and resolves when those at work are answered. */
  drain(): Promise<void>;
}

/** Requests of one user that may be at work here at once besides the listeners; those that wait for the user's answer count. */
const MAX_AT_WORK_PER_USER = 100;

/** A body is one JSON-RPC message around at most 64 KiB of content. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Builds the endpoint. The server in front has checked Host and Origin already; here comes the bearer token. */
export function createMcpEndpoint(options: McpEndpointOptions): McpEndpoint {
  const { verifier, resource, onTransportError: onerror } = options;
  const listeners = new Listeners({ ...options, limits: options.listenerLimits });
  const legacy = new LegacyEndpoint({ ...options, listeners });
  const listening = new ModernListening(options.factory, listeners);
  const handler = createMcpHandler(options.factory, { legacy: "reject", maxRequestBodySize: MAX_BODY_BYTES, onerror });
  const serveEither: Fetch = async (request, given = {}) => {
    const authInfo = must(given.authInfo, "the bearer gate has admitted the caller");
    const identity = must(identityOf(authInfo), "it has said who the caller is");
    const allowance = await options.rateLimits.spend(identity);
    const { parsedBody } = given;
    // What a tool answers a model reads and can act upon; what HTTP answers its program may show to nobody.
    const asResult = allowance.kind === "over" && isToolCall(parsedBody);
    if (allowance.kind !== "allowed" && !asResult) return tooManyRequests(allowance.waitMs, idOf(parsedBody));
    const inputs = asResult ? { ...given, authInfo: toldToWait(authInfo, allowance.waitMs) } : given;
    if (await isLegacyRequest(request, parsedBody)) return legacy.serve(request, identity, inputs);
    const listen = asListen(parsedBody);
    if (listen !== undefined) return listening.serve(listen, identity, { request, inputs });
    return handler.fetch(request, inputs);
  };
  const serve = toNodeHandler(
    { fetch: (request, inputs) => serveStrictly(serveEither, request, inputs) },
    { maxRequestBodySize: MAX_BODY_BYTES, onerror },
  );
  const atWork = new Set<Promise<void>>();
  const places = new Places(options.listenerLimits.perUser + MAX_AT_WORK_PER_USER);
  let draining = false;

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const admitted = await admit(request, { verifier, resourceMetadataUrl: resourceMetadataUrl(resource, request) });
    if (admitted instanceof Response) return refuse(admitted, request, response);
    using place = places.take(must(identityOf(admitted), "the bearer gate says who the caller is"));
    if (place === undefined) return refuse(tooManyRequests(1_000, null), request, response);
    // Node types method and url as optional because clients' responses share the class; a server's requests have both.
    const { method = "GET", url = MCP_PATH } = request;
    await serve(Object.assign(request, { auth: admitted, method, url }), response);
  };
  return {
    async route(request, response) {
      if (draining) return refuse(goingAway(), request, response);
      const answered = answer(request, response).finally(() => atWork.delete(answered));
      atWork.add(answered);
      await answered;
    },
    async drain() {
      draining = true;
      // What waits for a change or for a person would not end by itself.
      await Promise.all([legacy.endWaiting(), listening.close()]);
      await Promise.allSettled(atWork);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([legacy[Symbol.asyncDispose](), listening.close(), handler.close()]);
    },
  };
}

type Fetch = (request: Request, options?: McpHandlerRequestOptions) => Promise<Response>;

/** Reads the message strictly, and gives a client of 2025-11-25 a session id that remembers what it said of itself. */
async function serveStrictly(fetch: Fetch, request: Request, options?: McpHandlerRequestOptions): Promise<Response> {
  const { method, headers } = request;
  if (method !== "POST" || !isJsonContentType(headers.get("content-type"))) return fetch(request, options);
  const parsed = parseStrictly(await request.text());
  if (parsed.fault !== undefined) return parsed.fault;
  // Its body has been read; nobody reads it again where the message is given.
  const response = await fetch(request, { ...options, parsedBody: parsed.message });
  if (!isInitializeRequest(parsed.message) || !response.ok) return response;
  const { clientInfo, capabilities } = parsed.message.params;
  const hello = parseHello({ clientName: clientInfo.name, capabilities });
  if (hello === undefined) return response;
  const named = new Headers(response.headers);
  named.set(SESSION_HEADER, sessionIdFor(hello, randomUUID()));
  return new Response(response.body, { status: response.status, headers: named });
}

function isToolCall(message: unknown): boolean {
  return isJSONRPCRequest(message) && message.method === "tools/call";
}

function tooManyRequests(waitMs: number, id: string | number | null): Response {
  const seconds = Math.ceil(waitMs / 1_000);
  const error = { code: -32_000, message: `This user makes too many requests: wait ${seconds} s` };
  return Response.json({ jsonrpc: "2.0", id, error }, { status: 429, headers: { "retry-after": `${seconds}` } });
}

function goingAway(): Response {
  const headers = { "retry-after": "1", connection: "close" };
  return Response.json({ error: "this server is going away" }, { status: 503, headers });
}

async function refuse(refusal: Response, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // What the body says is nothing to us any more; reading it keeps the connection usable.
  request.resume();
  response.writeHead(refusal.status, Object.fromEntries(refusal.headers));
  response.end(await refusal.text());
}
