import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { DomainError, internal, unavailable } from "@funkygibbon/kernel/errors";
import type { Logger } from "@funkygibbon/runtime/log";
import { Client, type ClientUnaryCall, credentials } from "@grpc/grpc-js";
import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  type IPolicy,
  retry,
  wrap,
} from "cockatiel";
import {
  type CallOptions,
  callError,
  cancelOnAbort,
  decodeResponse,
  encodeRequest,
  requestMetadata,
} from "./client-call.ts";
import { type DuplexClientStream, GrpcDuplexClientStream, readMessages } from "./client-streams.ts";
import { type AnyResponse, methodName } from "./service.ts";

/** Options of {@link createRpcClient}. */
export interface RpcClientOptions {
  /** `http://127.0.0.1:4401`; cleartext HTTP/2. */
  readonly url: string;
  /** Our service credential, asked for at every call; needed for internal services. */
  readonly serviceToken?: (() => string) | undefined;
  /** How long a unary call may take, all attempts together. Default 5000. */
  readonly deadlineMs?: number;
  readonly log: Logger;
  /** Largest answer that is read. Default 16 MiB. */
  readonly maxMessageBytes?: number;
}

type UnaryCall<I extends DescMessage, O extends DescMessage> = (
  request: MessageInitShape<I>,
  options?: CallOptions,
) => Promise<MessageShape<O>>;

type ServerStreamCall<I extends DescMessage, O extends DescMessage> = (
  request: MessageInitShape<I>,
  options?: CallOptions,
) => AsyncIterable<MessageShape<O>>;

type BidiCall<I extends DescMessage, O extends DescMessage> = (
  options?: CallOptions,
) => DuplexClientStream<MessageInitShape<I>, MessageShape<O>>;

type CallOf<Method> =
  Method extends DescMethodUnary<infer I, infer O>
    ? UnaryCall<I, O>
    : Method extends DescMethodServerStreaming<infer I, infer O>
      ? ServerStreamCall<I, O>
      : Method extends DescMethodBiDiStreaming<infer I, infer O>
        ? BidiCall<I, O>
        : never;

/** One function per method, by its name in lower camel case. Disposing closes the connection. */
export type RpcClient<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: CallOf<Service["method"][Name]>;
} & AsyncDisposable;

const DEFAULT_DEADLINE_MS = 5_000;
const DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** This many calls in a row that find nobody open the breaker. */
const BREAKER_THRESHOLD = 5;
/** After this long, one call tries whether somebody is there again. */
const BREAKER_HALF_OPEN_MS = 1_000;
const RETRIES = 2;

/**
 * A client of one service over grpc-js. Errors arrive as the DomainError that the server raised. Unary methods marked
 * NO_SIDE_EFFECTS or IDEMPOTENT are tried up to three times, with jitter, when the server is unavailable; others never
 * again. While nobody answers, a breaker refuses unary calls at once.
 */
export function createRpcClient<Service extends DescService>(
  descriptor: Service,
  options: RpcClientOptions,
): RpcClient<Service> {
  const connection = new Connection(descriptor, options);
  const calls = Object.fromEntries(
    descriptor.methods.map((method) => [method.localName, connection.callOf(method)] as const),
  );
  // Built from the descriptor, of which the type is the mirror.
  return Object.assign(calls, { [Symbol.asyncDispose]: async () => connection.close() }) as RpcClient<Service>;
}

class Connection {
  readonly #client: Client;
  readonly #options: RpcClientOptions;
  readonly #once: IPolicy;
  readonly #retrying: IPolicy;

  constructor(descriptor: DescService, options: RpcClientOptions) {
    this.#options = options;
    this.#client = new Client(authorityOf(options.url), credentials.createInsecure(), {
      "grpc.max_receive_message_length": options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES,
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 2_000,
      "grpc.keepalive_time_ms": 20_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc-node.flow_control_window": 1024 * 1024,
      "grpc.enable_channelz": 0,
    });
    const breaker = circuitBreaker(handleWhen(isUnavailable), {
      halfOpenAfter: BREAKER_HALF_OPEN_MS,
      breaker: new ConsecutiveBreaker(BREAKER_THRESHOLD),
    });
    breaker.onStateChange((state) => {
      const event = state === CircuitState.Open ? "rpc.breaker-opened" : "rpc.breaker-changed";
      options.log.warn({ peer: options.url, service: descriptor.typeName, state: CircuitState[state] }, event);
    });
    const retries = retry(handleWhen(isUnavailable), {
      maxAttempts: RETRIES,
      backoff: new ExponentialBackoff({ initialDelay: 50, maxDelay: 500 }),
    });
    this.#once = breaker;
    this.#retrying = wrap(retries, breaker);
  }

  callOf(method: DescMethod) {
    switch (method.methodKind) {
      case "unary":
        return (request: MessageInitShape<DescMessage>, options?: CallOptions) => this.#unary(method, request, options);
      case "server_streaming":
        return (request: MessageInitShape<DescMessage>, options?: CallOptions) =>
          this.#stream(method, request, options);
      case "bidi_streaming":
        return (options?: CallOptions) => this.#bidi(method, options);
      case "client_streaming":
        throw internal(`${methodName(method)}: client streams are not supported`);
    }
  }

  close(): void {
    this.#client.close();
  }

  async #unary(method: DescMethod, request: AnyResponse, options: CallOptions = {}): Promise<Message> {
    const policy = isIdempotent(method) ? this.#retrying : this.#once;
    const bytes = encodeRequest(method, request);
    const deadline = Date.now() + (options.deadlineMs ?? this.#options.deadlineMs ?? DEFAULT_DEADLINE_MS);
    try {
      return await policy.execute(() => this.#attempt(method, bytes, deadline, options), options.signal);
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw callError(error, options.signal);
      throw unavailable(`${method.parent.typeName} does not answer`, {
        retryAfterMs: BREAKER_HALF_OPEN_MS,
        cause: error,
      });
    }
  }

  /**
   * The answer is decoded out here: grpc-js holds on to what it hands over for as long as the stream's native handle lives,
   * which is until the next full collection, and a large message would be copied from generation to generation meanwhile.
   */
  async #attempt(method: DescMethod, bytes: Buffer, deadline: number, options: CallOptions): Promise<Message> {
    const metadata = requestMetadata(options, this.#options.serviceToken);
    const answer = await new Promise<Buffer>((resolve, reject) => {
      let stopListening = () => {};
      const call: ClientUnaryCall = this.#client.makeUnaryRequest(
        pathOf(method),
        asItIs,
        asItIs,
        bytes,
        metadata,
        { deadline },
        (error, response) => {
          stopListening();
          if (response === undefined) reject(callError(error, options.signal));
          else resolve(response);
        },
      );
      stopListening = cancelOnAbort(options.signal, call);
    });
    return decodeResponse(method, answer);
  }

  #stream(method: DescMethod, request: AnyResponse, options: CallOptions = {}): AsyncIterable<Message> {
    const open = () =>
      this.#client.makeServerStreamRequest(
        pathOf(method),
        asItIs,
        asItIs,
        encodeRequest(method, request),
        requestMetadata(options, this.#options.serviceToken),
        deadlineOf(options),
      );
    return {
      [Symbol.asyncIterator]: () => {
        const stream = open();
        // The reading loop throws it; without a listener it would end the process when nobody reads.
        stream.on("error", () => {});
        return readMessages(method, stream, options.signal);
      },
    };
  }

  #bidi(method: DescMethod, options: CallOptions = {}): DuplexClientStream<AnyResponse, Message> {
    const metadata = requestMetadata(options, this.#options.serviceToken);
    const stream = this.#client.makeBidiStreamRequest(pathOf(method), asItIs, asItIs, metadata, deadlineOf(options));
    return new GrpcDuplexClientStream(method, stream, options.signal);
  }
}

/** grpc-js takes a missing port for 443; in a cleartext URL it means 80. */
function authorityOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port === "" ? 80 : port}`;
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}

function pathOf(method: DescMethod): string {
  return `/${methodName(method)}`;
}

function deadlineOf(options: CallOptions): { deadline?: number } {
  return options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs };
}

function isIdempotent(method: DescMethod): boolean {
  return (
    method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS ||
    method.idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT
  );
}

function isUnavailable(error: unknown): boolean {
  return error instanceof DomainError && error.kind === "unavailable";
}
