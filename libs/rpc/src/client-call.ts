import { randomUUID } from "node:crypto";
import { create, type DescMethod, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { DomainError, internal, unavailable } from "@funkygibbon/kernel/errors";
import { currentCallScope } from "@funkygibbon/runtime/call-scope";
import { injectTrace } from "@funkygibbon/runtime/trace-context";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { asBuffer, Encoded } from "./encoded.ts";
import { type AnyResponse, methodName } from "./service.ts";
import { fromGrpcStatus, STATUS_DETAILS_TRAILER } from "./status.ts";

/** What one call may say beyond its request. */
export interface CallOptions {
  /** The user's own token. */
  readonly token?: string | undefined;
  /** A signed actor, instead of a user's token; see `signActor`. */
  readonly actor?: string | undefined;
  /** Aborting it cancels the call. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait, in milliseconds from now. Default: the client's for unary calls, no limit for streams. */
  readonly deadlineMs?: number | undefined;
  /** Default: that of the call being served, or a new one. */
  readonly requestId?: string | undefined;
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Headers of an outgoing call: credentials, request id and trace. */
export function requestMetadata(options: CallOptions, serviceToken: (() => string) | undefined): Metadata {
  const scope = currentCallScope();
  const metadata = new Metadata();
  metadata.set("x-request-id", options.requestId ?? scope?.requestId ?? randomUUID());
  if (scope !== undefined) injectTrace(scope.trace, (name, value) => metadata.set(name, value));
  if (options.token !== undefined) metadata.set("authorization", `Bearer ${options.token}`);
  if (options.actor !== undefined) metadata.set("x-actor", options.actor);
  if (serviceToken !== undefined) metadata.set("x-service-authorization", `Bearer ${serviceToken()}`);
  for (const [name, value] of Object.entries(options.headers ?? {})) metadata.set(name, value);
  return metadata;
}

export function encodeRequest(method: DescMethod, request: AnyResponse): Buffer {
  if (!(request instanceof Encoded)) return asBuffer(toBinary(method.input, create(method.input, request)));
  if (request.schema.typeName !== method.input.typeName) {
    throw internal(`${methodName(method)} takes ${method.input.typeName}, not ${request.schema.typeName}`);
  }
  return request.bytes;
}

export function decodeResponse(method: DescMethod, bytes: Buffer): Message {
  try {
    return fromBinary(method.output, bytes);
  } catch (cause) {
    throw internal(`the answer of ${methodName(method)} cannot be decoded`, cause);
  }
}

/** What grpc-js reports, as the DomainError that the server raised. */
export function callError(error: unknown, signal: AbortSignal | undefined): DomainError {
  if (error instanceof DomainError) return error;
  if (signal?.aborted === true) {
    return new DomainError("cancelled", "the call was cancelled", { reason: "CANCELLED", cause: signal.reason });
  }
  if (!isServiceError(error)) return internal("the call failed in the client", error);
  const details = error.metadata.get(STATUS_DETAILS_TRAILER)[0];
  if (!(details instanceof Buffer)) return transportError(error);
  return fromGrpcStatus({ code: error.code, message: error.details, details, cause: error });
}

/**
 * A status that no server of ours gave. It may travel on to a caller outside, so the transport's own words, which name
 * addresses, stay behind as the cause.
 */
function transportError(cause: ServiceError): DomainError {
  switch (cause.code) {
    case status.UNAVAILABLE:
      return unavailable("a service that is needed does not answer", { cause });
    case status.DEADLINE_EXCEEDED:
      return new DomainError("deadline-exceeded", "no answer came in time", { reason: "DEADLINE_EXCEEDED", cause });
    default:
      return fromGrpcStatus({ code: cause.code, message: cause.details, cause });
  }
}

/** Cancels the call when the signal aborts; returns how to stop listening. */
export function cancelOnAbort(signal: AbortSignal | undefined, call: { cancel(): void }): () => void {
  if (signal === undefined) return () => {};
  const cancel = () => call.cancel();
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error && error.metadata instanceof Metadata;
}
