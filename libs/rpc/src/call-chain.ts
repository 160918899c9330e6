import { create, type DescMessage, type Message, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { DomainError, internal } from "@funkygibbon/kernel/errors";
import { withCallScope } from "@funkygibbon/runtime/call-scope";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Telemetry } from "@funkygibbon/runtime/telemetry";
import { extractTrace } from "@funkygibbon/runtime/trace-context";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { TokenVerifier } from "./auth.ts";
import { authenticate } from "./authenticate.ts";
import { DRAINING } from "./call.ts";
import { asBuffer, Encoded } from "./encoded.ts";
import { type ServedMethod, ServerCall, type TransportCall } from "./server-call.ts";
import type { AnyResponse, BoundMethod, DuplexStream } from "./service.ts";
import { methodName } from "./service.ts";
import { codeName, codeOf, toDomainError } from "./status.ts";

/** Faults of ours are worth an error line, passing ones a warning; what callers do wrong is only noted. */
const LOG_LEVEL_OF_CODE: Partial<Record<Code, "error" | "warn" | "debug">> = {
  [Code.Internal]: "error",
  [Code.Unavailable]: "warn",
  [Code.DeadlineExceeded]: "warn",
  [Code.ResourceExhausted]: "warn",
  [Code.Canceled]: "debug",
};

/**
 * What happens to every call, whichever transport it came by: request id, trace, authentication, running the handler,
 * error mapping, access log and metrics. Transports only read and write.
 */
export class CallChain {
  readonly #verifier: TokenVerifier;
  readonly #log: Logger;
  readonly #telemetry: Telemetry;
  readonly #duration;
  readonly #active;
  readonly #calls = new Set<ServerCall>();
  readonly #whenIdle: (() => void)[] = [];
  #draining = false;
  #ended = false;

  constructor(parts: { readonly verifier: TokenVerifier; readonly log: Logger; readonly telemetry: Telemetry }) {
    this.#verifier = parts.verifier;
    this.#log = parts.log;
    this.#telemetry = parts.telemetry;
    this.#duration = parts.telemetry.meter.createHistogram("rpc.server.duration_seconds", {
      unit: "s",
      description: "Time from a call's headers to its status",
      advice: { explicitBucketBoundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
    });
    this.#active = parts.telemetry.meter.createUpDownCounter("rpc.server.active_calls", {
      description: "Calls being served, streams included",
    });
  }

  /** The headers have arrived. Every call that begins is finished exactly once. */
  begin(served: ServedMethod, transport: TransportCall): ServerCall {
    const name = methodName(served.method.descriptor);
    const trace = extractTrace((header) => transport.headers.get(header));
    const span = this.#telemetry.tracer.startSpan(name, { kind: SpanKind.SERVER }, trace);
    const call = new ServerCall({ served, transport, log: this.#log, span, trace });
    this.#calls.add(call);
    this.#active.add(1, { method: name });
    return call;
  }

  /**
   * Refuses a stream while draining, and a caller who may not make the call. Runs before any message is read. A unary call
   * is soon over, and its caller may not have heard yet that the connection is closing: it is answered to the end.
   */
  async admit(call: ServerCall): Promise<void> {
    if (this.#ended || (this.#draining && call.served.method.kind !== "unary")) throw drainingError();
    call.admit(await authenticate(call.served.access, call.headers, this.#verifier));
  }

  /** Decides the call's outcome and accounts for it. Returns the error to answer with; undefined for OK or when already finished. */
  finish(call: ServerCall, thrown?: { readonly error: unknown }): DomainError | undefined {
    const error = thrown === undefined ? undefined : toDomainError(thrown.error);
    if (call.finished) return error;
    call.finished = true;
    this.#account(call, error);
    this.#calls.delete(call);
    if (this.#calls.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    return error;
  }

  runUnary(method: BoundMethod & { kind: "unary" }, request: Message, call: ServerCall) {
    return withCallScope(call.scope, async () => method.handler(request, call));
  }

  runBidi(
    method: BoundMethod & { kind: "bidi_streaming" },
    stream: DuplexStream<Message, AnyResponse>,
    call: ServerCall,
  ): Promise<void> {
    return withCallScope(call.scope, async () => method.handler(stream, call));
  }

  /** The handler's messages; the generator body runs inside the call's scope. */
  openStream(
    method: BoundMethod & { kind: "server_streaming" },
    request: Message,
    call: ServerCall,
  ): AsyncIterator<AnyResponse> {
    const { scope } = call;
    const iterator = withCallScope(scope, () => method.handler(request, call)[Symbol.asyncIterator]());
    return {
      next: () => withCallScope(scope, () => iterator.next()),
      return: () => iterator.return?.() ?? Promise.resolve({ done: true, value: undefined }),
    };
  }

  /** Refuses new streams, asks others to end, and resolves when no call is left or after `graceMs`, when the rest is cut off. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    for (const call of this.#calls) call.drain(drainingError());
    if (this.#calls.size === 0) return;
    const { promise: idle, resolve } = Promise.withResolvers<void>();
    this.#whenIdle.push(resolve);
    const timer = setTimeout(() => this.terminateAll(), graceMs);
    await idle;
    clearTimeout(timer);
  }

  /** Ends every call now, and refuses all that still come. */
  terminateAll(): void {
    this.#ended = true;
    for (const call of this.#calls) call.terminate(drainingError());
  }

  #account(call: ServerCall, error: DomainError | undefined): void {
    const code = error === undefined ? "OK" : codeName(codeOf(error));
    const seconds = (performance.now() - call.startedAtMs) / 1_000;
    this.#duration.record(seconds, { method: call.method, code });
    this.#active.add(-1, { method: call.method });
    if (error !== undefined) call.span.setStatus({ code: SpanStatusCode.ERROR, message: error.reason });
    call.span.end();

    const level = error === undefined ? "debug" : (LOG_LEVEL_OF_CODE[codeOf(error)] ?? "info");
    if (!call.log.isLevelEnabled(level)) return;
    const facts = {
      code,
      ms: Math.round(seconds * 1e5) / 100,
      protocol: call.protocol,
      peer: call.peer,
      user: call.identity?.user,
      household: call.identity?.household,
      service: call.service?.name,
      reason: error?.reason,
      ...(level === "error" || level === "warn" ? { err: error } : { message: error?.message }),
    };
    call.log[level](facts, "rpc.finished");
  }
}

/** Serialises what a handler answers with. */
export function encodeResponse(method: BoundMethod, response: AnyResponse): Buffer {
  const schema = method.descriptor.output;
  if (!(response instanceof Encoded)) return asBuffer(toBinary(schema, create(schema, response)));
  assertSameType(method, response);
  return response.bytes;
}

/** What a handler answers with as a message. */
export function messageOfResponse(method: BoundMethod, response: AnyResponse): MessageInitShape<DescMessage> {
  if (!(response instanceof Encoded)) return response;
  assertSameType(method, response);
  return response.message;
}

function assertSameType(method: BoundMethod, response: Encoded): void {
  const { typeName } = method.descriptor.output;
  if (response.schema.typeName === typeName) return;
  throw internal(`${methodName(method.descriptor)} sends ${typeName}, not ${response.schema.typeName}`);
}

function drainingError(): DomainError {
  return new DomainError("unavailable", "the server is shutting down", { reason: DRAINING, retryAfterMs: 1_000 });
}

/** A caller whose own timer fires hangs up just before ours does; this close to the deadline it counts as the deadline. */
const DEADLINE_TOLERANCE_MS = 25;

/** Why a caller with this deadline hung up: it cancelled, or the deadline has passed. */
export function hangUpError(deadlineMs: number | undefined, cause?: unknown): DomainError {
  if (deadlineMs !== undefined && Date.now() >= deadlineMs - DEADLINE_TOLERANCE_MS) return deadlineError();
  return new DomainError("cancelled", "the caller cancelled the call", { reason: "CANCELLED", cause });
}

/** The caller's deadline has passed. */
export function deadlineError(): DomainError {
  return new DomainError("deadline-exceeded", "the deadline has passed", { reason: "DEADLINE_EXCEEDED" });
}

/** The request cannot be decoded. */
export function malformedError(cause: unknown): DomainError {
  return new DomainError("invalid", "the request message cannot be decoded", { reason: "MALFORMED_MESSAGE", cause });
}

/** The request is larger than this server reads. */
export function tooLargeError(maxBytes: number): DomainError {
  return new DomainError("exhausted", `a message may have at most ${maxBytes} bytes`, {
    reason: "MESSAGE_TOO_LARGE",
    details: { max_bytes: String(maxBytes) },
  });
}
