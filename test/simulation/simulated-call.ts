import { DomainError } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { CallContext } from "@funkygibbon/rpc/call";
import { DRAINING } from "@funkygibbon/rpc/call";
import { silentLogger } from "@funkygibbon/runtime/log";
import type { Hop } from "./simulated-process.ts";
import type { VirtualTime } from "./virtual-time.ts";

const log = silentLogger();

/** One direction of a connection: what is sent arrives in order, each after a while, until it is cut. */
export class Lane<Message> {
  readonly #time: VirtualTime;
  readonly #hop: Hop;
  readonly #deliver: (message: Message) => void;
  readonly #underWay = new Set<() => void>();
  #lastArrivalMs = 0;
  #isCut = false;

  constructor(time: VirtualTime, hop: Hop, deliver: (message: Message) => void) {
    this.#time = time;
    this.#hop = hop;
    this.#deliver = deliver;
  }

  send(message: Message): void {
    if (this.#isCut) return;
    const arrivalMs = Math.max(this.#lastArrivalMs, this.#time.nowMs + this.#hop());
    this.#lastArrivalMs = arrivalMs;
    const cancel = this.#time.at(arrivalMs, () => {
      this.#underWay.delete(cancel);
      this.#deliver(message);
    });
    this.#underWay.add(cancel);
  }

  /** Nothing more gets through. @param loses what is under way, too. */
  cut(loses: boolean): void {
    this.#isCut = true;
    if (!loses) return;
    for (const cancel of this.#underWay) cancel();
    this.#underWay.clear();
  }
}

/** Messages that have arrived, for a reader that comes when it likes. Ends, or breaks, after the ones that are there. */
export class Inbox<Message> implements AsyncIterable<Message>, AsyncIterator<Message> {
  readonly #messages: Message[] = [];
  #waiting: PromiseWithResolvers<IteratorResult<Message, undefined>> | undefined;
  #end: { readonly error: unknown } | "well" | undefined;

  push(message: Message): void {
    if (this.#end !== undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#messages.push(message);
    else waiting.resolve({ done: false, value: message });
  }

  end(): void {
    this.#end ??= "well";
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  /** What has arrived and was not read is lost, as when a call is cancelled. */
  fail(error: unknown): void {
    if (this.#end !== undefined && this.#end !== "well") return;
    this.#end = { error };
    this.#messages.length = 0;
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
    if (this.#end === "well") return Promise.resolve({ done: true, value: undefined });
    if (this.#end !== undefined) return Promise.reject(this.#end.error);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  return(): Promise<IteratorResult<Message, undefined>> {
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** What a handler knows of a simulated call. */
export function callContext(options: {
  readonly method: string;
  readonly identity?: Identity;
  readonly token?: string;
  readonly signal: AbortSignal;
}): CallContext {
  const { method, identity, token, signal } = options;
  return {
    method,
    requestId: method,
    identity,
    service: { name: "simulation" },
    requireIdentity() {
      if (identity === undefined) throw new DomainError("unauthenticated", "no user", { reason: "UNAUTHENTICATED" });
      return identity;
    },
    signal,
    deadlineMs: undefined,
    peer: "simulation",
    headers: { get: (name) => (name === "authorization" && token !== undefined ? `Bearer ${token}` : undefined) },
    log,
    setResponseHeader() {},
    setTrailer() {},
  };
}

/** The server's end of a stream: what the caller sent arrives here, and what the handler sends goes out. */
export class ServedStream<Request, Response> implements AsyncIterable<Request> {
  readonly inbox = new Inbox<Request>();
  readonly writable = true;
  readonly #abort = new AbortController();
  readonly #pending = new Set<(reason: unknown) => void>();
  readonly #carry: (message: Response) => Promise<void>;
  #terminatedBy: DomainError | undefined;

  /** @param carry resolves when the transport has taken the message. */
  constructor(carry: (message: Response) => Promise<void>) {
    this.#carry = carry;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  send(message: Response): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Handled even if nobody awaits it, as the real transports do.
    promise.catch(() => {});
    if (this.#terminatedBy !== undefined) {
      reject(this.#terminatedBy);
      return promise;
    }
    this.#pending.add(reject);
    void this.#carry(message).then(() => {
      this.#pending.delete(reject);
      resolve();
    });
    return promise;
  }

  /** Nobody is there any more. */
  terminate(reason: DomainError): void {
    if (this.#terminatedBy !== undefined) return;
    this.#terminatedBy = reason;
    this.inbox.fail(reason);
    for (const reject of this.#pending) reject(reason);
    this.#pending.clear();
    this.#abort.abort(reason);
  }

  /** The server is about to stop: reading ends, and good-byes may still be said. */
  drain(): void {
    this.inbox.end();
    this.#abort.abort(new DomainError("unavailable", "the server drains", { reason: DRAINING }));
  }

  [Symbol.asyncIterator](): AsyncIterator<Request> {
    return this.inbox;
  }
}

/** What a caller is told of an error on the other side: everything but its cause. */
export function asTold(error: unknown): DomainError {
  if (!(error instanceof DomainError)) {
    return new DomainError("internal", "internal error", { reason: "INTERNAL", cause: error });
  }
  const { kind, message, reason, details, retryAfterMs } = error;
  return new DomainError(kind, message, { reason, details, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
}
