import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "@funkygibbon/gen/google/rpc/error_details_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import { DomainError, type ErrorKind, unavailable } from "@funkygibbon/kernel/errors";
import { durationMs } from "./session-end.ts";

/** The trailer in which gRPC carries a serialised google.rpc.Status. */
export const STATUS_DETAILS_TRAILER = "grpc-status-details-bin";

const KIND_OF_CODE: Readonly<Record<number, ErrorKind>> = {
  [Code.Canceled]: "cancelled",
  [Code.InvalidArgument]: "invalid",
  [Code.OutOfRange]: "invalid",
  [Code.DeadlineExceeded]: "deadline-exceeded",
  [Code.NotFound]: "not-found",
  [Code.AlreadyExists]: "already-exists",
  [Code.PermissionDenied]: "permission-denied",
  [Code.ResourceExhausted]: "exhausted",
  [Code.FailedPrecondition]: "failed-precondition",
  [Code.Aborted]: "stale",
  [Code.Unimplemented]: "unimplemented",
  [Code.Unavailable]: "unavailable",
  [Code.Unauthenticated]: "unauthenticated",
};

/** What a gRPC call ended with. @param details the value of {@link STATUS_DETAILS_TRAILER}, if it came. */
export function errorOfGrpcStatus(status: {
  readonly code: number;
  readonly details: string;
  readonly statusDetails: Uint8Array | undefined;
}): DomainError {
  let details: readonly Any[] = [];
  try {
    if (status.statusDetails !== undefined) details = fromBinary(StatusSchema, status.statusDetails).details;
  } catch {
    // Details are a courtesy of the peer; code and message stand without them.
  }
  const unpack = <Desc extends DescMessage>(desc: Desc): MessageShape<Desc> | undefined =>
    details.map((any) => anyUnpack(any, desc)).find((message) => message !== undefined);
  return domainError(status.code, status.details, unpack(ErrorInfoSchema), unpack(RetryInfoSchema), undefined);
}

/** What a Connect call failed with. @param url whom it went to. */
export function errorOfConnect(error: unknown, url: string): DomainError {
  const connect = ConnectError.from(error);
  // fetch says no more than TypeError when nobody answers; Node adds why.
  if (connect.cause instanceof TypeError) return unreachable(url, whyOf(connect.cause), error);
  const [info] = connect.findDetails(ErrorInfoSchema);
  const [retry] = connect.findDetails(RetryInfoSchema);
  return domainError(connect.code, messageOf(connect, url), info, retry, error);
}

/** What the caller's own side says of a call names no server. */
function messageOf({ code, rawMessage }: ConnectError, url: string): string {
  if (code === Code.DeadlineExceeded && rawMessage === "the operation timed out")
    return `${url} takes too long to answer`;
  return /^HTTP \d{3}$/.test(rawMessage) ? `${url} answers ${rawMessage}` : rawMessage;
}

/** Nobody could be asked. @param why as far as the platform says it. */
export function unreachable(url: string, why: string, cause?: unknown): DomainError {
  return unavailable(`${url} cannot be reached: ${why.trim()}`, { cause, retryAfterMs: 0 });
}

/** An error for several addresses of one host has a code and no message. */
function whyOf({ message, cause }: TypeError): string {
  if (!(cause instanceof Error)) return message;
  return cause.message || ("code" in cause ? String(cause.code) : message);
}

function domainError(
  code: number,
  message: string,
  info: MessageShape<typeof ErrorInfoSchema> | undefined,
  retry: MessageShape<typeof RetryInfoSchema> | undefined,
  cause: unknown,
): DomainError {
  const kind = KIND_OF_CODE[code] ?? "internal";
  const retryAfterMs = durationMs(retry?.retryDelay);
  return new DomainError(kind, message, {
    reason: info?.reason ?? kind.toUpperCase().replaceAll("-", "_"),
    details: info?.metadata ?? {},
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    cause,
  });
}
