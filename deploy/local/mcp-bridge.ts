import { StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";
import {
  isInitializeRequest,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResponse,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type JSONRPCRequest,
  PROTOCOL_VERSION_META_KEY,
  type RequestId,
  type Transport,
} from "@modelcontextprotocol/server";
import type { McpSettings } from "./mcp-settings.ts";
import { messageOf, SetupError } from "./setup-error.ts";

/** Why a bridge is over: the client has gone, or no word ever came through. */
export type BridgeEnd = { readonly kind: "done" } | { readonly kind: "failed"; readonly problem: string };

/** Options of {@link runBridge}. */
export interface BridgeOptions extends McpSettings {
  /** To the assistant, for example over stdin and stdout. */
  readonly assistant: Transport;
  readonly signal: AbortSignal;
  /** Tells the person what went wrong, in one sentence. */
  warn(problem: string): void;
}

/** A request of the assistant on its way. */
interface Underway {
  readonly request: JSONRPCRequest;
  readonly cancel: AbortController;
}

const MAX_RECONNECTION_DELAY_MS = 30_000;
const INTERNAL_ERROR = -32_603;

/**
 * Carries messages between an assistant and the gateway's `/mcp`, as they are, for every revision. It understands no more
 * of them than HTTP needs: which answer belongs to which request, and what a client cancels.
 */
export async function runBridge(options: BridgeOptions): Promise<BridgeEnd> {
  const bridge = new Bridge(options);
  return bridge.run();
}

class Bridge {
  readonly #options: BridgeOptions;
  readonly #home: StreamableHTTPClientTransport;
  readonly #underway = new Map<RequestId, Underway>();
  readonly #end = Promise.withResolvers<BridgeEnd>();
  #heardHome = false;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#home = new StreamableHTTPClientTransport(options.url, {
      authProvider: { token: async () => options.token() },
      // Whoever listens for changes listens until the assistant goes.
      reconnectionOptions: {
        initialReconnectionDelay: 1_000,
        reconnectionDelayGrowFactor: 1.5,
        maxReconnectionDelay: MAX_RECONNECTION_DELAY_MS,
        maxRetries: Number.MAX_SAFE_INTEGER,
      },
    });
  }

  async run(): Promise<BridgeEnd> {
    const { assistant, signal } = this.#options;
    const done = () => this.#end.resolve({ kind: "done" });
    this.#home.onmessage = (message) => this.#toAssistant(message);
    assistant.onmessage = (message) => void this.#toHome(message);
    assistant.onclose = done;
    signal.addEventListener("abort", done, { once: true });
    await this.#home.start();
    await assistant.start();
    const end = await this.#end.promise;
    await Promise.all([this.#home.close(), assistant.close()]);
    return end;
  }

  #toAssistant(message: JSONRPCMessage): void {
    this.#heardHome = true;
    if (isJSONRPCResponse(message) && message.id !== undefined) {
      const answered = this.#underway.get(message.id);
      this.#underway.delete(message.id);
      if (isJSONRPCResultResponse(message) && isInitializeRequest(answered?.request)) {
        this.#home.setProtocolVersion(String(message.result.protocolVersion));
      }
    }
    this.#options.assistant.send(message).catch(() => {});
  }

  async #toHome(message: JSONRPCMessage): Promise<void> {
    if (this.#isCancelledHere(message)) return;
    if (!isJSONRPCRequest(message)) return this.#home.send(message).catch((error) => void this.#warn(error));
    const { id } = message;
    const underway = { request: message, cancel: new AbortController() };
    this.#underway.set(id, underway);
    try {
      await this.#home.send(message, {
        requestSignal: underway.cancel.signal,
        onRequestStreamEnd: () => this.#unanswered(underway, "The home has gone away before it answered."),
      });
    } catch (error) {
      if (!underway.cancel.signal.aborted) this.#unanswered(underway, this.#warn(error));
    }
  }

  /** In revision 2026-07-28 hanging up is how a request is cancelled over HTTP; before, the home is told. */
  #isCancelledHere(message: JSONRPCMessage): boolean {
    if (!isJSONRPCNotification(message) || message.method !== "notifications/cancelled") return false;
    const underway = this.#underway.get(message.params?.requestId as RequestId);
    if (underway?.request.params?._meta?.[PROTOCOL_VERSION_META_KEY] === undefined) return false;
    this.#underway.delete(underway.request.id);
    underway.cancel.abort();
    return true;
  }

  #unanswered({ request: { id } }: Underway, problem: string): void {
    if (!this.#underway.delete(id)) return;
    const error = { code: INTERNAL_ERROR, message: problem };
    const answered = this.#options.assistant.send({ jsonrpc: "2.0", id, error }).catch(() => {});
    // Without one word from the home there is nothing to go on with.
    if (!this.#heardHome) void answered.then(() => this.#end.resolve({ kind: "failed", problem }));
  }

  #warn(error: unknown): string {
    const problem = describeProblem(error, this.#options.url);
    // What ends the bridge is told by whoever runs it.
    if (this.#heardHome) this.#options.warn(problem);
    return problem;
  }
}

function describeProblem(error: unknown, url: URL): string {
  if (error instanceof SetupError) return error.message;
  if (error instanceof UnauthorizedError) return "The token was refused: it has expired, or it is not for this home.";
  if (error instanceof TypeError) return `The home does not answer at ${url.href}: is the system running?`;
  return `The home did not take the message: ${messageOf(error)}`;
}
