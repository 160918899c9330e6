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
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import type { McpSettings } from "./mcp-settings.ts";
import { messageOf, SetupError } from "./setup-error.ts";

/** Why a bridge is over: the client has gone, or no word ever came through. */
export type BridgeEnd = { readonly kind: "done" } | { readonly kind: "failed"; readonly problem: string };

/** Options of {@link runBridge}. */
export interface BridgeOptions extends McpSettings {
  readonly assistant: AssistantTransport;
  readonly signal: AbortSignal;
  /** Tells the person what went wrong, in one sentence. */
  warn(problem: string): void;
}

/** To the assistant. */
export interface AssistantTransport extends Transport {
  /** Awaited between the assistant's last word and the end of the transport. */
  beforeEnd?: () => Promise<void>;
}

/** Over stdin and stdout. When the assistant has said its last word, what it asked is still answered. */
export class StdioTransport extends StdioServerTransport implements AssistantTransport {
  beforeEnd?: () => Promise<void>;

  override async close(): Promise<void> {
    await this.beforeEnd?.();
    await super.close();
  }
}

/** A request of the assistant on its way. */
interface Underway {
  readonly request: JSONRPCRequest;
  readonly cancel: AbortController;
}

const MAX_RECONNECTION_DELAY_MS = 30_000;
/** Whoever has said all does not wait longer than this for the answers. */
const MAX_LAST_ANSWERS_MS = 30_000;
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
  /** Resolves what waits for the last answer. */
  readonly #allAnswered = Promise.withResolvers<void>();
  #saidAll = false;
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
    assistant.beforeEnd = () => this.#lastAnswers();
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
      this.#forget(message.id);
      if (isJSONRPCResultResponse(message) && isInitializeRequest(answered?.request)) {
        this.#home.setProtocolVersion(String(message.result.protocolVersion));
      }
    }
    this.#options.assistant.send(message).catch(() => {});
  }

  /** Until everything is answered that has been asked, or somebody ends it. */
  async #lastAnswers(): Promise<void> {
    this.#saidAll = true;
    if (!this.#isAnswerOwed()) return;
    const enough = AbortSignal.any([this.#options.signal, AbortSignal.timeout(MAX_LAST_ANSWERS_MS)]);
    enough.addEventListener("abort", () => this.#allAnswered.resolve(), { once: true });
    await Promise.race([this.#allAnswered.promise, this.#end.promise]);
  }

  /** Whoever listens for changes hears of them until the end; no answer is owed. */
  #isAnswerOwed(): boolean {
    return this.#underway.values().some(({ request }) => request.method !== "subscriptions/listen");
  }

  #forget(id: RequestId): boolean {
    const known = this.#underway.delete(id);
    // What is being answered is sent first.
    if (this.#saidAll && !this.#isAnswerOwed()) setImmediate(() => this.#allAnswered.resolve());
    return known;
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
    this.#forget(underway.request.id);
    underway.cancel.abort();
    return true;
  }

  #unanswered({ request: { id } }: Underway, problem: string): void {
    if (!this.#forget(id)) return;
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
