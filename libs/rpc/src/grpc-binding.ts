import { fromBinary, type Message } from "@bufbuild/protobuf";
import { DomainError } from "@funkygibbon/kernel/errors";
import {
  Metadata,
  type Server,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { RequestHeaders } from "./call.ts";
import { type CallChain, encodeResponse, hangUpError, malformedError, tooLargeError } from "./call-chain.ts";
import type { ServedMethod, ServerCall, TransportCall } from "./server-call.ts";
import type { AnyResponse, BoundMethod, DuplexStream } from "./service.ts";
import { methodName } from "./service.ts";
import { STATUS_DETAILS_TRAILER, toGrpcStatus } from "./status.ts";

/** Reading pauses handing out more while this much waits to be taken by the transport. */
const WRITABLE_BELOW_BYTES = 64 * 1024;

const GRPC_TYPE = { unary: "unary", server_streaming: "serverStream", bidi_streaming: "bidi" } as const;

/** What {@link grpcInterceptor} and {@link registerMethods} need to know. */
export interface GrpcBinding {
  readonly chain: CallChain;
  /** By path, `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, ServedMethod>;
  readonly maxMessageBytes: number;
}

/** Makes the methods known to the server; the interceptor answers them. */
export function registerMethods(server: Server, methods: GrpcBinding["methods"]): void {
  const asItIs = (bytes: Buffer) => bytes;
  const unreachable = () => {
    throw new Error("calls of bound methods are answered by the interceptor");
  };
  for (const [path, { method }] of methods) {
    server.register(path, unreachable, asItIs, asItIs, GRPC_TYPE[method.kind]);
  }
}

/**
 * Answers the bound methods right at grpc-js's interceptor interface instead of through its Duplex streams, which buffer
 * sixteen messages of any size each way and cost several kilobytes per idle stream: here one message is read when one is
 * asked for, and a write resolves when HTTP/2 has taken it. Other methods (health, reflection) pass through.
 */
export function grpcInterceptor(binding: GrpcBinding): ServerInterceptor {
  return (definition, call) => {
    const served = binding.methods.get(definition.path);
    return served === undefined ? new ServerInterceptingCall(call) : new GrpcCall(call, served, binding);
  };
}

class GrpcCall extends ServerInterceptingCall implements TransportCall {
  readonly protocol = "grpc";
  readonly #wire: ServerInterceptingCallInterface;
  readonly #served: ServedMethod;
  readonly #binding: GrpcBinding;
  #metadata = NO_METADATA;
  #responseHeaders: Metadata | undefined;
  #trailers: Metadata | undefined;
  #call: ServerCall | undefined;
  #pendingRead: { resolve(bytes: Buffer | undefined): void; reject(reason: unknown): void } | undefined;
  #readingEnded = false;
  #pendingSends: Set<(reason: DomainError) => void> | undefined;
  #unsentBytes = 0;
  #statusSent = false;

  constructor(wire: ServerInterceptingCallInterface, served: ServedMethod, binding: GrpcBinding) {
    super(wire);
    this.#wire = wire;
    this.#served = served;
    this.#binding = binding;
  }

  override start(): void {
    this.#wire.start({
      onReceiveMetadata: (metadata) => this.#begin(metadata),
      onReceiveMessage: (bytes: Buffer) => this.#settleRead(bytes),
      onReceiveHalfClose: () => {
        this.#readingEnded = true;
        this.#settleRead(undefined);
      },
      onCancel: () => this.#onCancel(),
    });
  }

  get peer(): string {
    return this.#wire.getPeer();
  }

  get headers(): RequestHeaders {
    return { get: (name) => this.#metadata.get(name)[0]?.toString() };
  }

  get deadlineMs(): number | undefined {
    const deadline = Number(this.#wire.getDeadline());
    return Number.isFinite(deadline) ? deadline : undefined;
  }

  get writable(): boolean {
    return this.#unsentBytes < WRITABLE_BELOW_BYTES;
  }

  setResponseHeader(name: string, value: string): void {
    this.#responseHeaders ??= new Metadata();
    this.#responseHeaders.set(name, value);
  }

  setTrailer(name: string, value: string): void {
    this.#trailers ??= new Metadata();
    this.#trailers.set(name, value);
  }

  onDrain(): void {
    this.#readingEnded = true;
    this.#settleRead(undefined);
  }

  onTerminate(reason: DomainError): void {
    this.#pendingRead?.reject(reason);
    this.#pendingRead = undefined;
    for (const reject of this.#pendingSends ?? []) reject(reason);
    this.#pendingSends?.clear();
  }

  /** The next message's bytes; undefined when the caller has sent its last or the server drains. */
  read(): Promise<Buffer | undefined> {
    const terminatedBy = this.#call?.terminatedBy;
    if (terminatedBy !== undefined) return Promise.reject(terminatedBy);
    if (this.#readingEnded) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#pendingRead = { resolve, reject };
      this.#wire.startRead();
    });
  }

  /** Resolves when HTTP/2 has taken the bytes. Handled even if nobody awaits it: a lost stream must not end the process. */
  send(bytes: Buffer): Promise<void> {
    const taken = this.#write(bytes);
    taken.catch(() => {});
    return taken;
  }

  decode(bytes: Buffer): Message {
    if (bytes.byteLength > this.#binding.maxMessageBytes) throw tooLargeError(this.#binding.maxMessageBytes);
    try {
      return fromBinary(this.#served.method.descriptor.input, bytes);
    } catch (cause) {
      throw malformedError(cause);
    }
  }

  #begin(metadata: Metadata): void {
    this.#metadata = metadata;
    const call = this.#binding.chain.begin(this.#served, this);
    this.#call = call;
    call.whileWaitedFor(this.#serve(call)).then(
      () => this.#end(call, undefined),
      (error: unknown) => this.#end(call, { error }),
    );
  }

  async #serve(call: ServerCall): Promise<void> {
    const { chain } = this.#binding;
    await chain.admit(call);
    const { method } = this.#served;
    switch (method.kind) {
      case "unary": {
        const response = await chain.runUnary(method, await this.#readOnly(), call);
        this.send(encodeResponse(method, response));
        return;
      }
      case "server_streaming":
        return this.#serveStream(method, await this.#readOnly(), call);
      case "bidi_streaming":
        return chain.runBidi(method, new GrpcDuplex(this, method), call);
    }
  }

  async #serveStream(method: BoundMethod & { kind: "server_streaming" }, request: Message, call: ServerCall) {
    const messages = this.#binding.chain.openStream(method, request, call);
    try {
      for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
        await this.send(encodeResponse(method, next.value));
      }
    } catch (error) {
      // Not awaited: a generator that waits for something else ends when that does.
      messages.return?.().catch(() => {});
      throw error;
    }
  }

  async #readOnly(): Promise<Message> {
    const first = await this.read();
    if (first === undefined) throw wrongCount("no request message was sent");
    if ((await this.read()) !== undefined) throw wrongCount("more than one request message was sent");
    return this.decode(first);
  }

  #settleRead(bytes: Buffer | undefined): void {
    const read = this.#pendingRead;
    this.#pendingRead = undefined;
    read?.resolve(bytes);
  }

  #write(bytes: Buffer): Promise<void> {
    const reason = this.#call?.terminatedBy;
    if (reason !== undefined) return Promise.reject(reason);
    if (this.#statusSent) return Promise.reject(hangUpError(undefined, new Error("the call has ended")));
    this.#sendHeaders();
    return new Promise((resolve, reject) => {
      this.#pendingSends ??= new Set();
      const pending = this.#pendingSends.add(reject);
      this.#unsentBytes += bytes.byteLength;
      this.#wire.sendMessage(bytes, () => {
        pending.delete(reject);
        this.#unsentBytes -= bytes.byteLength;
        resolve();
      });
    });
  }

  #sendHeaders(): void {
    if (this.#responseHeaders === undefined) return;
    this.#wire.sendMetadata(this.#responseHeaders);
    this.#responseHeaders = undefined;
  }

  #end(call: ServerCall, thrown: { readonly error: unknown } | undefined): void {
    const error = this.#binding.chain.finish(call, thrown);
    if (this.#statusSent) return;
    this.#statusSent = true;
    const trailers = this.#trailers ?? new Metadata();
    if (error === undefined) {
      this.#sendHeaders();
      this.#wire.sendStatus({ code: 0, details: "OK", metadata: trailers });
      return;
    }
    // A failure before the first message is a trailers-only response, so the headers go with the status.
    if (this.#responseHeaders !== undefined) trailers.merge(this.#responseHeaders);
    const { code, message, details } = toGrpcStatus(error);
    trailers.set(STATUS_DETAILS_TRAILER, Buffer.from(details));
    // grpc-js percent-encodes the text with encodeURI, which throws on lone surrogates.
    this.#wire.sendStatus({ code: Number(code), details: message.toWellFormed(), metadata: trailers });
  }

  /** Also called after the status of a call that ended well. */
  #onCancel(): void {
    const call = this.#call;
    if (call === undefined || this.#statusSent) return;
    this.#statusSent = true;
    const reason = hangUpError(this.deadlineMs);
    call.terminate(reason);
  }
}

const NO_METADATA = new Metadata();

class GrpcDuplex implements DuplexStream<Message, AnyResponse>, AsyncIterator<Message> {
  readonly #call: GrpcCall;
  readonly #method: BoundMethod;

  constructor(call: GrpcCall, method: BoundMethod) {
    this.#call = call;
    this.#method = method;
  }

  get writable(): boolean {
    return this.#call.writable;
  }

  send(message: AnyResponse): Promise<void> {
    return this.#call.send(encodeResponse(this.#method, message));
  }

  [Symbol.asyncIterator](): AsyncIterator<Message> {
    return this;
  }

  async next(): Promise<IteratorResult<Message, undefined>> {
    const bytes = await this.#call.read();
    return bytes === undefined ? { done: true, value: undefined } : { done: false, value: this.#call.decode(bytes) };
  }

  /** Leaving the loop ends nothing: the handler may go on sending. */
  async return(): Promise<IteratorResult<Message, undefined>> {
    return { done: true, value: undefined };
  }
}

function wrongCount(message: string): DomainError {
  return new DomainError("unimplemented", message, { reason: "WRONG_MESSAGE_COUNT" });
}

/** `/package.Service/Method`, as HTTP/2 and HTTP/1.1 ask for it. */
export function methodPath(method: BoundMethod): string {
  return `/${methodName(method.descriptor)}`;
}
