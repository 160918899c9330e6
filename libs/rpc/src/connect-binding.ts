import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { DomainError } from "@funkygibbon/kernel/errors";
import { assertNever, must } from "@funkygibbon/kernel/must";
import {
  type CallChain,
  deadlineError,
  hangUpError,
  malformedError,
  messageOfResponse,
  tooLargeError,
} from "./call-chain.ts";
import type { RpcProtocol, ServedMethod, ServerCall, TransportCall } from "./server-call.ts";
import type { BoundMethod } from "./service.ts";
import { toConnectError } from "./status.ts";

/** What {@link connectRoutes} needs to know. */
export interface ConnectBinding {
  readonly chain: CallChain;
  readonly methods: Iterable<ServedMethod>;
  readonly maxMessageBytes: number;
}

/** The address of the caller, put among a request's headers by the HTTP front, which removes what came under that name. */
export const PEER_HEADER = "x-funkygibbon-peer";

const callKey = createContextKey<ServerCall | undefined>(undefined);
const answeredKey = createContextKey(false);

/** Serves the methods over Connect and gRPC-Web. Streams of requests exist over HTTP/2 only, where grpc-js answers. */
export function connectRoutes(binding: ConnectBinding): (router: ConnectRouter) => void {
  return (router) => {
    for (const served of binding.methods) {
      const options = { requestGate: gate(binding, served), readMaxBytes: binding.maxMessageBytes };
      addMethod(router, binding.chain, served.method, options);
    }
  };
}

/** Runs when the headers are there, before any body is read. */
function gate(binding: ConnectBinding, served: ServedMethod) {
  const { chain } = binding;
  return async (context: HandlerContext): Promise<void> => {
    const call = chain.begin(served, transportCall(context));
    context.values.set(callKey, call);
    context.signal.addEventListener("abort", () => onAbort(binding, context, call), { once: true });
    try {
      await call.whileWaitedFor(chain.admit(call));
    } catch (error) {
      throw fail(chain, context, call, error);
    }
  };
}

function addMethod(
  router: ConnectRouter,
  chain: CallChain,
  method: BoundMethod,
  options: Parameters<ConnectRouter["rpc"]>[2],
): void {
  switch (method.kind) {
    case "unary":
      router.rpc(method.descriptor, (request, context) => answer(chain, method, request, context), options);
      break;
    case "server_streaming":
      router.rpc(method.descriptor, (request, context) => streamOut(chain, method, request, context), options);
      break;
    case "bidi_streaming":
      router.rpc(method.descriptor, (_requests, context) => refuseBidi(chain, context), options);
      break;
    default:
      assertNever(method, "kind of method");
  }
}

async function answer(
  chain: CallChain,
  method: BoundMethod & { kind: "unary" },
  request: Message,
  context: HandlerContext,
) {
  const call = callOf(context);
  try {
    const response = await call.whileWaitedFor(chain.runUnary(method, request, call));
    chain.finish(call);
    return response;
  } catch (error) {
    throw fail(chain, context, call, error);
  }
}

function refuseBidi(chain: CallChain, context: HandlerContext): never {
  const error = new DomainError("unimplemented", "a bidirectional stream needs HTTP/2 and the gRPC protocol", {
    reason: "HTTP2_REQUIRED",
  });
  throw fail(chain, context, callOf(context), error);
}

async function* streamOut(
  chain: CallChain,
  method: BoundMethod & { kind: "server_streaming" },
  request: Message,
  context: HandlerContext,
) {
  const call = callOf(context);
  const messages = chain.openStream(method, request, call);
  try {
    for (;;) {
      const next = await call.whileWaitedFor(messages.next());
      if (next.done === true) break;
      yield messageOfResponse(method, next.value);
    }
    chain.finish(call);
  } catch (error) {
    throw fail(chain, context, call, error);
  } finally {
    // Not awaited: a generator that waits for something else ends when that does.
    messages.return?.().catch(() => {});
  }
}

/**
 * Connect aborts the signal of a call when it ends, for whatever reason; that is the only sight of faults that it finds
 * itself, as a body that cannot be parsed. They are given our code and details here, before Connect serialises them.
 */
function onAbort(binding: ConnectBinding, context: HandlerContext, call: ServerCall): void {
  if (call.finished) return;
  const { reason } = context.signal;
  const fault =
    reason instanceof ConnectError
      ? domainErrorOf(reason, call, binding.maxMessageBytes)
      : hangUpError(call.deadlineMs, reason);
  if (reason instanceof ConnectError && !context.values.get(answeredKey)) {
    const { code, rawMessage, details } = toConnectError(fault);
    Object.assign(reason, { code, rawMessage, message: rawMessage, details });
  }
  call.terminate(fault);
  binding.chain.finish(call, { error: fault });
}

/** What Connect itself says about a request, in our terms. */
function domainErrorOf(error: ConnectError, call: ServerCall, maxMessageBytes: number): DomainError {
  switch (error.code) {
    case Code.DeadlineExceeded:
      return deadlineError();
    case Code.Canceled:
    case Code.Aborted:
      return hangUpError(call.deadlineMs, error);
    case Code.ResourceExhausted:
      return tooLargeError(maxMessageBytes);
    case Code.Unimplemented:
      return new DomainError("unimplemented", error.rawMessage, { reason: "UNIMPLEMENTED", cause: error });
    default:
      return malformedError(error);
  }
}

function fail(chain: CallChain, context: HandlerContext, call: ServerCall, error: unknown): ConnectError {
  context.values.set(answeredKey, true);
  return toConnectError(must(chain.finish(call, { error }), "finishing with an error gives an error"));
}

function callOf(context: HandlerContext): ServerCall {
  return must(context.values.get(callKey), "the gate has begun the call");
}

function transportCall(context: HandlerContext): TransportCall {
  const { requestHeader, responseHeader, responseTrailer } = context;
  const timeoutMs = context.timeoutMs();
  return {
    protocol: protocolOf(context.protocolName),
    peer: requestHeader.get(PEER_HEADER) ?? "unknown",
    headers: { get: (name) => requestHeader.get(name) ?? undefined },
    deadlineMs: timeoutMs === undefined ? undefined : Date.now() + timeoutMs,
    setResponseHeader: (name, value) => responseHeader.set(name, value),
    setTrailer: (name, value) => responseTrailer.set(name, value),
  };
}

function protocolOf(name: string): RpcProtocol {
  return name === "grpc-web" ? "grpc-web" : "connect";
}
