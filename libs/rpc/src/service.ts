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
import { internal } from "@funkygibbon/kernel/errors";
import type { CallContext } from "./call.ts";
import type { Encoded } from "./encoded.ts";

/**
 * Who may call a service.
 * - `user`: a user's token, or an actor together with a service credential.
 * - `service`: a service credential; a user's token or an actor may come along and then names the user.
 * - `open`: anybody; nothing is verified.
 */
export type Access = "user" | "service" | "open";

/** Both directions of a call. Ends when the handler returns (OK) or throws (its status). Read it by one loop only. */
export interface DuplexStream<Request, Response> extends AsyncIterable<Request> {
  /**
   * Resolves when the transport has taken the message, so awaiting it is backpressure. Rejects when the call is over.
   * Messages arrive in the order of the calls, awaited or not.
   */
  send(message: Response | Encoded): Promise<void>;
  /** False while the peer reads more slowly than we send: 64 KiB or more are waiting. */
  readonly writable: boolean;
}

export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: CallContext,
) => Promise<MessageInitShape<O>>;

export type ServerStreamHandler<I extends DescMessage, O extends DescMessage> = (
  request: MessageShape<I>,
  call: CallContext,
) => AsyncIterable<MessageInitShape<O> | Encoded>;

export type BidiHandler<I extends DescMessage, O extends DescMessage> = (
  stream: DuplexStream<MessageShape<I>, MessageInitShape<O>>,
  call: CallContext,
) => Promise<void>;

/** The handler that one method needs. Client streams are not used in this system. */
export type HandlerOf<Method> =
  Method extends DescMethodUnary<infer I, infer O>
    ? UnaryHandler<I, O>
    : Method extends DescMethodServerStreaming<infer I, infer O>
      ? ServerStreamHandler<I, O>
      : Method extends DescMethodBiDiStreaming<infer I, infer O>
        ? BidiHandler<I, O>
        : never;

/** One handler per method, by its name in lower camel case. */
export type Handlers<Service extends DescService> = {
  readonly [Name in keyof Service["method"]]: HandlerOf<Service["method"][Name]>;
};

/** What a handler of a method known only at run time answers with. */
export type AnyResponse = MessageInitShape<DescMessage> | Encoded;

/** A method with its handler; its message types are known to its descriptor only. */
export type BoundMethod =
  | { readonly kind: "unary"; readonly descriptor: DescMethodUnary; readonly handler: AnyUnaryHandler }
  | {
      readonly kind: "server_streaming";
      readonly descriptor: DescMethodServerStreaming;
      readonly handler: AnyServerStreamHandler;
    }
  | { readonly kind: "bidi_streaming"; readonly descriptor: DescMethodBiDiStreaming; readonly handler: AnyBidiHandler };

type AnyUnaryHandler = (request: Message, call: CallContext) => Promise<MessageInitShape<DescMessage>>;
type AnyServerStreamHandler = (request: Message, call: CallContext) => AsyncIterable<AnyResponse>;
type AnyBidiHandler = (stream: DuplexStream<Message, AnyResponse>, call: CallContext) => Promise<void>;

/** A service that {@link startRpcServer} can serve on both transports. */
export interface BoundService {
  readonly descriptor: DescService;
  readonly access: Access;
  readonly methods: readonly BoundMethod[];
}

/** Binds handlers to a generated service descriptor. */
export function implement<Service extends DescService>(
  descriptor: Service,
  options: { readonly access: Access; readonly handlers: Handlers<Service> },
): BoundService {
  const handlers: Readonly<Record<string, unknown>> = options.handlers;
  return {
    descriptor,
    access: options.access,
    methods: descriptor.methods.map((method) => bind(method, handlers[method.localName])),
  };
}

function bind(descriptor: DescMethod, handler: unknown): BoundMethod {
  if (typeof handler !== "function") throw internal(`${descriptor.parent.typeName}.${descriptor.name} has no handler`);
  // The type of `implement` has checked handler and method against each other; here only the kind is left to tell them apart.
  const parts = { kind: descriptor.methodKind, descriptor, handler };
  switch (descriptor.methodKind) {
    case "unary":
    case "server_streaming":
    case "bidi_streaming":
      return parts as BoundMethod;
    case "client_streaming":
      throw internal(`${descriptor.parent.typeName}.${descriptor.name}: client streams are not supported`);
  }
}

/** `inbetweenies.v1.SyncService/Sync`: the name of a method in paths, logs and metrics. */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
