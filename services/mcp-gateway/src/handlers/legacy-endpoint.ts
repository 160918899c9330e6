import type { Identity } from "@funkygibbon/kernel/identity";
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  type McpHandlerRequestOptions,
  type McpRequestContext,
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  parseJSONRPCMessage,
} from "@modelcontextprotocol/server";
import { type Said, type Session, type SessionPeers, sessionKey } from "../domain/sessions.ts";
import { isCancelled, LegacyExchange } from "./legacy-exchange.ts";
import { LegacyListening } from "./legacy-listening.ts";
import { LegacySubscriptions } from "./legacy-subscriptions.ts";
import { type Listeners, MAX_SUBSCRIPTIONS } from "./listeners.ts";
import { helloIn, SESSION_HEADER } from "./session-id.ts";
import { watchedResponse } from "./watched-response.ts";

/** What HTTP takes for the version when a client does not say. */
const UNSAID_VERSION = "2025-03-26";

/** Options of {@link LegacyEndpoint}. */
export interface LegacyEndpointOptions {
  factory(context: McpRequestContext): McpServer;
  readonly listeners: Listeners;
  readonly peers: SessionPeers;
}

/**
 * Serves clients of revision 2025-11-25: each HTTP request by a server of its own, which the session id reminds of what
 * the client said at first. What is said about another HTTP request finds it here or on another replica.
 */
export class LegacyEndpoint implements AsyncDisposable {
  readonly #options: LegacyEndpointOptions;
  readonly #atWork = new Map<string, Set<LegacyExchange>>();
  readonly #subscriptions = new LegacySubscriptions();
  readonly #listening: LegacyListening;
  readonly #hearing: AsyncDisposable;

  constructor(options: LegacyEndpointOptions) {
    this.#options = options;
    this.#listening = new LegacyListening(options.listeners, this.#subscriptions);
    this.#hearing = options.peers.listen((session, said) => void this.#hear(session, said));
  }

  async serve(request: Request, identity: Identity, inputs: McpHandlerRequestOptions): Promise<Response> {
    const session = { ...identity, id: request.headers.get(SESSION_HEADER) ?? "" };
    if (request.method === "GET" && session.id !== "") return this.#listening.serve(request, session, identity);
    if (request.method !== "POST") return methodNotAllowed();
    const { parsedBody } = inputs;
    if (isJSONRPCResponse(parsedBody) || isCancelled(parsedBody)) {
      this.#say(session, { kind: "message", message: parsedBody });
      return accepted();
    }
    // Whatever else a client lets us know changes nothing here.
    if (isJSONRPCNotification(parsedBody)) return accepted();
    return this.#exchange(request, session, inputs);
  }

  /** Ends what stays open by itself: listeners, and calls that wait for an answer of the user. */
  async endWaiting(): Promise<void> {
    this.#listening.close();
    for (const exchange of [...this.#atWork.values()].flatMap((exchanges) => [...exchanges])) {
      if (exchange.isAsking) await exchange.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening.close();
    for (const exchange of [...this.#atWork.values()].flatMap((exchanges) => [...exchanges])) await exchange.close();
    await this.#hearing[Symbol.asyncDispose]();
  }

  async #exchange(request: Request, session: Session, inputs: McpHandlerRequestOptions): Promise<Response> {
    const exchange = new LegacyExchange(isJSONRPCRequest(inputs.parsedBody) ? inputs.parsedBody.id : undefined);
    const { authInfo } = inputs;
    const server = this.#options.factory({ era: "legacy", requestInfo: request, ...(authInfo && { authInfo }) });
    this.#offerSubscriptions(server, session);
    const end = () => this.#end(session, exchange, server);
    request.signal.addEventListener("abort", end, { once: true });
    try {
      await server.connect(exchange);
      const hello = helloIn(session.id);
      if (hello !== undefined) {
        await exchange.introduce(hello, request.headers.get("mcp-protocol-version") ?? UNSAID_VERSION);
      }
      this.#begin(session, exchange);
      return watchedResponse(await exchange.handleRequest(request, inputs), { onEnd: end });
    } catch (error) {
      end();
      throw error;
    }
  }

  #offerSubscriptions({ server }: McpServer, session: Session): void {
    server.setRequestHandler("resources/subscribe", ({ params: { uri } }) => {
      if (session.id === "") throw new ProtocolError(ProtocolErrorCode.InvalidRequest, "Subscribing needs a session");
      if (!this.#subscriptions.add(session, uri)) {
        const problem = `A session may subscribe to ${MAX_SUBSCRIPTIONS} resources; unsubscribe from one first`;
        throw new ProtocolError(ProtocolErrorCode.InvalidRequest, problem);
      }
      this.#options.peers.tell(session, { kind: "subscribe", uri });
      return {};
    });
    server.setRequestHandler("resources/unsubscribe", ({ params: { uri } }) => {
      this.#say(session, { kind: "unsubscribe", uri });
      return {};
    });
  }

  /** Here if it concerns something here, and on the other replicas if it may concern something there. */
  #say(session: Session, said: Said): void {
    if (!this.#hear(session, said)) this.#options.peers.tell(session, said);
  }

  /** Whether what was said has found the one thing that it concerns. */
  #hear(session: Session, said: Said): boolean {
    if (said.kind === "message") {
      const message = parseJSONRPCMessage(said.message);
      return [...(this.#atWork.get(sessionKey(session)) ?? [])].some((exchange) => exchange.hear(message));
    }
    if (said.kind === "subscribe") this.#subscriptions.add(session, said.uri);
    else this.#subscriptions.remove(session, said.uri);
    return false;
  }

  #begin(session: Session, exchange: LegacyExchange): void {
    const key = sessionKey(session);
    this.#atWork.set(key, (this.#atWork.get(key) ?? new Set()).add(exchange));
  }

  #end(session: Session, exchange: LegacyExchange, server: McpServer): void {
    const key = sessionKey(session);
    const exchanges = this.#atWork.get(key);
    exchanges?.delete(exchange);
    if (exchanges?.size === 0) this.#atWork.delete(key);
    void server.close();
  }
}

function accepted(): Response {
  return new Response(null, { status: 202 });
}

function methodNotAllowed(): Response {
  const error = { code: -32_000, message: "Method not allowed" };
  return Response.json({ jsonrpc: "2.0", error, id: null }, { status: 405, headers: { allow: "GET, POST" } });
}
