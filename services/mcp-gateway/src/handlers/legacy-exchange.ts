import { randomUUID } from "node:crypto";
import {
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type RequestId,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import type { ClientHello } from "./session-id.ts";

/** Of our own making; clients count or use UUIDs. */
const HELLO_ID = "funkygibbon.hello";
const CANCELLED = "notifications/cancelled";

/**
 * One HTTP request of a client of revision 2025-11-25 and its answer. In that revision what the client says about a
 * request at work, the user's answer to a question or that it is cancelled, comes as another HTTP request:
 * {@link hear} takes it.
 */
export class LegacyExchange extends WebStandardStreamableHTTPServerTransport {
  /** Our questions by the id that the client sees, to the id that the server gave. Ids of a server count from 0 in every exchange. */
  readonly #asked = new Map<RequestId, RequestId>();
  readonly #request: RequestId | undefined;
  #introduced: (() => void) | undefined;

  /** @param request the id of the request that it answers, if it is one. */
  constructor(request: RequestId | undefined) {
    super({ sessionIdGenerator: undefined });
    this.#request = request;
  }

  /** Whether it waits for an answer of the user. */
  get isAsking(): boolean {
    return this.#asked.size > 0;
  }

  /** Says to the server again what the client said of itself in `initialize`, which another server has heard. */
  async introduce(hello: ClientHello, protocolVersion: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#introduced = resolve;
    const clientInfo = { name: hello.clientName, version: "" };
    const params = { protocolVersion, capabilities: hello.capabilities, clientInfo };
    this.onmessage?.({ jsonrpc: "2.0", id: HELLO_ID, method: "initialize", params });
    await promise;
  }

  /** Takes what a client says in another HTTP request. False: it is not about this one. */
  hear(message: JSONRPCMessage): boolean {
    if (isJSONRPCResponse(message)) {
      const asked = message.id === undefined ? undefined : this.#asked.get(message.id);
      if (message.id === undefined || asked === undefined) return false;
      this.#asked.delete(message.id);
      this.onmessage?.({ ...message, id: asked });
      return true;
    }
    if (!isCancelled(message) || message.params.requestId !== this.#request) return false;
    this.onmessage?.(message);
    return true;
  }

  override async send(message: JSONRPCMessage, options?: { relatedRequestId?: RequestId }): Promise<void> {
    if (isJSONRPCResponse(message) && message.id === HELLO_ID) return this.#introduced?.();
    return super.send(this.#outward(message), options);
  }

  #outward(message: JSONRPCMessage): JSONRPCMessage {
    if (isJSONRPCRequest(message)) {
      const id = randomUUID();
      this.#asked.set(id, message.id);
      return { ...message, id };
    }
    if (!isCancelled(message)) return message;
    const [known] = [...this.#asked].find(([, id]) => id === message.params.requestId) ?? [];
    return known === undefined ? message : { ...message, params: { ...message.params, requestId: known } };
  }
}

type Cancelled = JSONRPCNotification & { readonly params: { readonly requestId: RequestId } };

/** Whether a message says that a request is given up. */
export function isCancelled(message: unknown): message is Cancelled {
  return isJSONRPCNotification(message) && message.method === CANCELLED && message.params?.requestId !== undefined;
}
