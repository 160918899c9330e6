import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { scanJson } from "@funkygibbon/kernel/json-scan";
import type { TokenVerifier } from "@funkygibbon/rpc/auth";
import type { HttpRoute } from "@funkygibbon/rpc/http-front";
import { toNodeHandler } from "@modelcontextprotocol/node";
import {
  createMcpHandler,
  isInitializeRequest,
  isJsonContentType,
  isLegacyRequest,
  type McpHandlerRequestOptions,
  type McpServerFactory,
} from "@modelcontextprotocol/server";
import { admit } from "./bearer-gate.ts";
import { LegacyEndpoint } from "./legacy-endpoint.ts";
import { MCP_PATH, type ProtectedResource, resourceMetadataUrl } from "./resource-metadata.ts";
import { parseHello, SESSION_HEADER, sessionIdFor } from "./session-id.ts";

/** Options of {@link createMcpEndpoint}. */
export interface McpEndpointOptions {
  readonly factory: McpServerFactory;
  readonly verifier: Pick<TokenVerifier, "verifyUser">;
  readonly resource: ProtectedResource;
  /** Rejected requests and faults of the transport; for the log only. */
  onTransportError(error: Error): void;
}

/** The MCP endpoint: Streamable HTTP for revision 2026-07-28 and, stateless, for clients of 2025-11-25. */
export interface McpEndpoint extends AsyncDisposable {
  readonly route: HttpRoute;
  /** Refuses new requests (503) and resolves when those at work are answered. */
  drain(): Promise<void>;
}

/** A body is one JSON-RPC message around at most 64 KiB of content. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Builds the endpoint. The server in front has checked Host and Origin already; here comes the bearer token. */
export function createMcpEndpoint(options: McpEndpointOptions): McpEndpoint {
  const { verifier, resource, onTransportError: onerror } = options;
  const legacy = new LegacyEndpoint(options.factory);
  const handler = createMcpHandler(options.factory, { legacy: "reject", maxRequestBodySize: MAX_BODY_BYTES, onerror });
  const serveEither: Fetch = async (request, inputs = {}) =>
    (await isLegacyRequest(request, inputs.parsedBody))
      ? legacy.serve(request, inputs)
      : handler.fetch(request, inputs);
  const serve = toNodeHandler(
    { fetch: (request, inputs) => serveStrictly(serveEither, request, inputs) },
    { maxRequestBodySize: MAX_BODY_BYTES, onerror },
  );
  const atWork = new Set<Promise<void>>();
  let draining = false;

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const admitted = await admit(request, { verifier, resourceMetadataUrl: resourceMetadataUrl(resource, request) });
    if (admitted instanceof Response) return refuse(admitted, request, response);
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
      await Promise.allSettled(atWork);
    },
    async [Symbol.asyncDispose]() {
      legacy.close();
      await handler.close();
    },
  };
}

type Fetch = (request: Request, options?: McpHandlerRequestOptions) => Promise<Response>;

/** Reads the message strictly, and gives a client of 2025-11-25 a session id that remembers what it said of itself. */
async function serveStrictly(fetch: Fetch, request: Request, options?: McpHandlerRequestOptions): Promise<Response> {
  const { url, method, headers, signal } = request;
  if (method !== "POST" || !isJsonContentType(headers.get("content-type"))) return fetch(request, options);
  const parsed = parseStrictly(await request.text());
  if (parsed.fault !== undefined) return parsed.fault;
  const response = await fetch(new Request(url, { method, headers, signal }), {
    ...options,
    parsedBody: parsed.message,
  });
  if (!isInitializeRequest(parsed.message) || !response.ok) return response;
  const { clientInfo, capabilities } = parsed.message.params;
  const hello = parseHello({ clientName: clientInfo.name, capabilities });
  if (hello === undefined) return response;
  const named = new Headers(response.headers);
  named.set(SESSION_HEADER, sessionIdFor(hello, randomUUID()));
  return new Response(response.body, { status: response.status, headers: named });
}

type StrictMessage = { readonly message: unknown; readonly fault?: never } | { readonly fault: Response };

/**
 * JSON.parse changes a number that a double cannot hold, and drops the first of two equal keys, without a word; the
 * result would be stored as if the model had said so. Refused here, while the text is still there.
 */
function parseStrictly(text: string): StrictMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return { fault: protocolError(-32_700, "Parse error: the body is not JSON", null) };
  }
  const found = scanJson(text);
  if (found === undefined) return { message };
  return { fault: protocolError(-32_600, `Invalid request: the JSON ${found.description}`, idOf(message)) };
}

function protocolError(code: number, message: string, id: string | number | null): Response {
  return Response.json({ jsonrpc: "2.0", error: { code, message }, id }, { status: 400 });
}

function idOf(message: unknown): string | number | null {
  if (typeof message !== "object" || message === null || !("id" in message)) return null;
  return typeof message.id === "string" || typeof message.id === "number" ? message.id : null;
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
