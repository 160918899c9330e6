import {
  type AuthInfo,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  type JSONRPCMessage,
  type McpHandlerRequestOptions,
  type McpServer,
  type McpServerFactory,
  type Server,
} from "@modelcontextprotocol/server";
import { identityOf } from "./caller.ts";
import { LegacyExchange } from "./legacy-exchange.ts";
import { helloIn, SESSION_HEADER } from "./session-id.ts";

/** What HTTP takes for the version when a client does not say. */
const UNSAID_VERSION = "2025-03-26";

/**
 * Serves clients of revision 2025-11-25: each HTTP request by a server of its own, which the session id reminds of what
 * the client said at first. Nothing is kept between requests; what is said about a request at work finds it here.
 */
export class LegacyEndpoint {
  readonly #factory: McpServerFactory;
  readonly #atWork = new Map<string, Set<LegacyExchange>>();

  constructor(factory: McpServerFactory) {
    this.#factory = factory;
  }

  async serve(request: Request, { authInfo, parsedBody }: McpHandlerRequestOptions): Promise<Response> {
    if (request.method !== "POST") return methodNotAllowed();
    const session = sessionKey(request, authInfo);
    if (isJSONRPCResponse(parsedBody) || isJSONRPCNotification(parsedBody)) {
      this.hear(session, parsedBody);
      return new Response(null, { status: 202 });
    }
    const exchange = new LegacyExchange(requestIdsIn(parsedBody));
    const server = await this.#factory({ era: "legacy", requestInfo: request, ...(authInfo && { authInfo }) });
    const end = () => this.#end(session, exchange, server);
    request.signal.addEventListener("abort", end, { once: true });
    try {
      await server.connect(exchange);
      const hello = helloIn(request.headers.get(SESSION_HEADER));
      if (hello !== undefined) {
        await exchange.introduce(hello, request.headers.get("mcp-protocol-version") ?? UNSAID_VERSION);
      }
      this.#begin(session, exchange);
      const response = await exchange.handleRequest(request, { parsedBody, ...(authInfo && { authInfo }) });
      return untilOver(response, end);
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Hands what a client said to the request that it is about. False: that is not at work here. */
  hear(session: string, message: JSONRPCMessage): boolean {
    return [...(this.#atWork.get(session) ?? [])].some((exchange) => exchange.hear(message));
  }

  /** Ends every request at work. */
  close(): void {
    for (const exchange of [...this.#atWork.values()].flatMap((exchanges) => [...exchanges])) void exchange.close();
  }

  #begin(session: string, exchange: LegacyExchange): void {
    const exchanges = this.#atWork.get(session) ?? new Set();
    this.#atWork.set(session, exchanges.add(exchange));
  }

  #end(session: string, exchange: LegacyExchange, server: McpServer | Server): void {
    const exchanges = this.#atWork.get(session);
    exchanges?.delete(exchange);
    if (exchanges?.size === 0) this.#atWork.delete(session);
    void server.close();
  }
}

/** A session belongs to one user: its id alone opens nothing. */
function sessionKey(request: Request, authInfo: AuthInfo | undefined): string {
  const identity = identityOf(authInfo);
  return JSON.stringify([identity?.household, identity?.user, request.headers.get(SESSION_HEADER)]);
}

function requestIdsIn(body: unknown) {
  return (Array.isArray(body) ? body : [body]).filter((message) => isJSONRPCRequest(message)).map(({ id }) => id);
}

/** Calls `end` when the last of the response has been read, or nobody reads it any more. */
function untilOver(response: Response, end: () => void): Response {
  if (response.body === null) {
    end();
    return response;
  }
  const reader = response.body.getReader();
  reader.closed.then(end, end);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

function methodNotAllowed(): Response {
  const error = { code: -32_000, message: "Method not allowed" };
  return Response.json({ jsonrpc: "2.0", error, id: null }, { status: 405, headers: { allow: "POST" } });
}
