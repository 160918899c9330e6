import { randomUUID } from "node:crypto";
import type { DomainError } from "@funkygibbon/kernel/errors";
import { unauthenticated } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { CallScope } from "@funkygibbon/runtime/call-scope";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Context } from "@opentelemetry/api";
import { type Span, trace } from "@opentelemetry/api";
import type { Caller } from "./authenticate.ts";
import type { CallContext, RequestHeaders, ServiceIdentity } from "./call.ts";
import type { Access, BoundMethod } from "./service.ts";
import { methodName } from "./service.ts";

/** The wire formats that a call may come by. */
export type RpcProtocol = "grpc" | "connect" | "grpc-web";

/** What a transport knows about a call when its headers have arrived. */
export interface TransportCall {
  readonly protocol: RpcProtocol;
  readonly peer: string;
  readonly headers: RequestHeaders;
  readonly deadlineMs: number | undefined;
  setResponseHeader(name: string, value: string): void;
  setTrailer(name: string, value: string): void;
  /** The server drains: a pending read ends as if the caller had finished sending. Sending still works. */
  onDrain?(): void;
  /** Nobody waits any more: pending reads and sends reject with this. */
  onTerminate?(reason: DomainError): void;
}

/** A method together with who may call it. */
export interface ServedMethod {
  readonly method: BoundMethod;
  readonly access: Access;
}

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** One call from its headers to its status. Small on purpose: an idle device stream holds one for hours. */
export class ServerCall implements CallContext {
  readonly served: ServedMethod;
  readonly requestId: string;
  readonly startedAtMs = performance.now();
  readonly span: Span;
  readonly #transport: TransportCall;
  readonly #parentLog: Logger;
  readonly #trace: Context;
  #caller: Caller = { identity: undefined, service: undefined };
  #controller: AbortController | undefined;
  #abortReason: DomainError | undefined;
  #terminatedBy: DomainError | undefined;
  #rejectWork: ((reason: DomainError) => void) | undefined;
  #log: Logger | undefined;
  /** Set when the status has been decided; nothing after it counts. */
  finished = false;

  constructor(parts: {
    readonly served: ServedMethod;
    readonly transport: TransportCall;
    readonly log: Logger;
    readonly span: Span;
    readonly trace: Context;
  }) {
    this.served = parts.served;
    this.#transport = parts.transport;
    this.#parentLog = parts.log;
    this.span = parts.span;
    this.#trace = parts.trace;
    const given = parts.transport.headers.get("x-request-id");
    this.requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
    parts.transport.setResponseHeader("x-request-id", this.requestId);
  }

  get method(): string {
    return methodName(this.served.method.descriptor);
  }

  get protocol(): RpcProtocol {
    return this.#transport.protocol;
  }

  get identity(): Identity | undefined {
    return this.#caller.identity;
  }

  get service(): ServiceIdentity | undefined {
    return this.#caller.service;
  }

  get deadlineMs(): number | undefined {
    return this.#transport.deadlineMs;
  }

  get peer(): string {
    return this.#transport.peer;
  }

  get headers(): RequestHeaders {
    return this.#transport.headers;
  }

  get log(): Logger {
    this.#log ??= this.#parentLog.child({ requestId: this.requestId, rpc: this.method });
    return this.#log;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  /** What calls made on behalf of this one inherit. */
  get scope(): CallScope {
    return { requestId: this.requestId, trace: trace.setSpan(this.#trace, this.span) };
  }

  requireIdentity(): Identity {
    if (this.#caller.identity === undefined) throw unauthenticated("this call needs a user");
    return this.#caller.identity;
  }

  setResponseHeader(name: string, value: string): void {
    this.#transport.setResponseHeader(name, value);
  }

  setTrailer(name: string, value: string): void {
    this.#transport.setTrailer(name, value);
  }

  admit(caller: Caller): void {
    this.#caller = caller;
  }

  /** Asks a stream to come to an end by itself. A unary call is not disturbed: it soon ends anyway. */
  drain(reason: DomainError): void {
    if (this.finished || this.served.method.kind === "unary") return;
    this.#abortSignal(reason);
    this.#transport.onDrain?.();
  }

  /** Nobody waits for the rest: cancelled, too late, or the server stops. The first reason stays. */
  terminate(reason: DomainError): void {
    if (this.#terminatedBy !== undefined) return;
    this.#terminatedBy = reason;
    this.#abortSignal(reason);
    this.#transport.onTerminate?.(reason);
    this.#rejectWork?.(reason);
  }

  /** Why nobody waits any more; undefined while somebody does. */
  get terminatedBy(): DomainError | undefined {
    return this.#terminatedBy;
  }

  /**
   * Settles like `work`, or rejects as soon as the call is terminated, whether or not `work` minds the signal. One at a time.
   * Not Promise.race, which would hold on to every promise it ever saw for as long as the call lives.
   */
  whileWaitedFor<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#rejectWork = reject;
      work.then(resolve, reject);
      if (this.#terminatedBy !== undefined) reject(this.#terminatedBy);
    });
  }

  #abortSignal(reason: DomainError): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(this.#abortReason);
  }
}
