import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@funkygibbon/gen/google/rpc/error_details_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import { DomainError, type ErrorKind, type FieldViolation } from "@funkygibbon/kernel/errors";
import { isLongerThan, utf8Length } from "@funkygibbon/kernel/json";

/** google.rpc.ErrorInfo.domain of every error that this system raises. */
export const ERROR_DOMAIN = "funkygibbon.dev";

/** The trailer in which gRPC carries a serialised google.rpc.Status. */
export const STATUS_DETAILS_TRAILER = "grpc-status-details-bin";

/** What callers read instead of the text of an internal error. */
export const INTERNAL_TEXT = "internal error; the request id names it in our logs";

/** gRPC status codes; Connect's {@link Code} has the same numbers. */
const CODE_OF_KIND: Readonly<Record<ErrorKind, Code>> = {
  invalid: Code.InvalidArgument,
  "not-found": Code.NotFound,
  "already-exists": Code.AlreadyExists,
  "permission-denied": Code.PermissionDenied,
  unauthenticated: Code.Unauthenticated,
  stale: Code.Aborted,
  "failed-precondition": Code.FailedPrecondition,
  unimplemented: Code.Unimplemented,
  exhausted: Code.ResourceExhausted,
  unavailable: Code.Unavailable,
  "deadline-exceeded": Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  internal: Code.Internal,
};

const KIND_OF_CODE: Readonly<Record<number, ErrorKind>> = {
  ...Object.fromEntries(Object.entries(CODE_OF_KIND).map(([kind, code]) => [code, kind as ErrorKind])),
  [Code.OutOfRange]: "invalid",
};

/** A failed call as gRPC puts it. */
export interface GrpcStatus {
  readonly code: Code;
  readonly message: string;
  /** Serialised google.rpc.Status, for {@link STATUS_DETAILS_TRAILER}. */
  readonly details: Uint8Array;
}

interface Detail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

/** The status code that answers this error. */
export function codeOf(error: DomainError): Code {
  return CODE_OF_KIND[error.kind];
}

/** `INVALID_ARGUMENT`: a code as gRPC writes it, for logs and metrics. */
export function codeName(code: Code | 0): string {
  if (code === 0) return "OK";
  if (code === Code.Canceled) return "CANCELLED";
  return Code[code].replaceAll(/(?<=.)([A-Z])/g, "_$1").toUpperCase();
}

/** Makes anything thrown a DomainError: one of ours as it is, anything else `internal` with itself as the cause. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  return new DomainError("internal", "unexpected error", { reason: "INTERNAL", cause: error });
}

/** For the wire of gRPC. Texts and metadata of internal errors stay here. */
export function toGrpcStatus(error: DomainError): GrpcStatus {
  const code = codeOf(error);
  const message = publicText(error);
  const details = detailsOf(error).map(({ desc, value }) => anyPack(desc, create(desc, value)));
  return { code, message, details: toBinary(StatusSchema, create(StatusSchema, { code, message, details })) };
}

/** For Connect and gRPC-Web. Texts and metadata of internal errors stay here. */
export function toConnectError(error: DomainError): ConnectError {
  return new ConnectError(publicText(error), codeOf(error), undefined, detailsOf(error), error);
}

/** What a gRPC call failed with; `details` is the value of {@link STATUS_DETAILS_TRAILER}, if it came. */
export function fromGrpcStatus(status: {
  readonly code: number;
  readonly message: string;
  readonly details?: Uint8Array | undefined;
  readonly cause?: unknown;
}): DomainError {
  const { errorInfo, badRequest, retryInfo } = readDetails(status.details);
  const kind = KIND_OF_CODE[status.code] ?? "internal";
  return new DomainError(kind, status.message, {
    reason: errorInfo?.reason ?? codeName(KIND_OF_CODE[status.code] === undefined ? Code.Internal : status.code),
    fields: (badRequest?.fieldViolations ?? []).map(({ field, description }) => ({ field, description })),
    details: errorInfo?.metadata ?? {},
    ...(retryInfo?.retryDelay === undefined ? {} : { retryAfterMs: toMs(retryInfo.retryDelay) }),
    cause: status.cause,
  });
}

function publicText(error: DomainError): string {
  return error.kind === "internal" ? INTERNAL_TEXT : cut(error.message, MAX_TEXT_BYTES);
}

function detailsOf(error: DomainError): Detail[] {
  if (error.kind === "internal") return [detail(ErrorInfoSchema, { reason: "INTERNAL", domain: ERROR_DOMAIN })];
  const found = [
    detail(ErrorInfoSchema, { reason: error.reason, domain: ERROR_DOMAIN, metadata: { ...error.details } }),
  ];
  if (error.fields.length > 0) found.push(detail(BadRequestSchema, { fieldViolations: firstOf(error.fields) }));
  if (error.retryAfterMs !== undefined) {
    found.push(detail(RetryInfoSchema, { retryDelay: fromMs(error.retryAfterMs) }));
  }
  return found;
}

/**
 * An error travels in the trailers of its call, of which many clients take no more than 8 KiB: one that is larger breaks
 * the connection, and with it the calls of everybody else on it. What is at fault may be as long as a body.
 */
const MAX_TEXT_BYTES = 400;
const MAX_VIOLATIONS_BYTES = 2_400;

/** As many violations as there is room for; the last one says how many more there are. */
function firstOf(fields: readonly FieldViolation[]): FieldViolation[] {
  const told: FieldViolation[] = [];
  let room = MAX_VIOLATIONS_BYTES;
  for (const { field, description } of fields) {
    const violation = { field: cut(field, MAX_TEXT_BYTES), description: cut(description, MAX_TEXT_BYTES) };
    room -= utf8Length(violation.field) + utf8Length(violation.description);
    if (room < 0) return [...told, { field: "", description: `and ${fields.length - told.length} more` }];
    told.push(violation);
  }
  return told;
}

/** The beginning of a text, if it has more bytes than that. */
function cut(text: string, bytes: number): string {
  if (!isLongerThan(bytes, text)) return text;
  let length = 0;
  let used = 0;
  for (const character of text) {
    used += utf8Length(character);
    if (used > bytes) break;
    length += character.length;
  }
  return `${text.slice(0, length)}…`;
}

function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Detail {
  return { desc, value };
}

function readDetails(bytes: Uint8Array | undefined) {
  if (bytes === undefined) return {};
  try {
    const { details } = fromBinary(StatusSchema, bytes);
    const first = <Desc extends DescMessage>(desc: Desc) =>
      details.map((any) => anyUnpack(any, desc)).find((message) => message !== undefined);
    return {
      errorInfo: first(ErrorInfoSchema),
      badRequest: first(BadRequestSchema),
      retryInfo: first(RetryInfoSchema),
    };
  } catch {
    // Details are a courtesy of the peer; code and message stand without them.
    return {};
  }
}

function fromMs(milliseconds: number) {
  const whole = Math.max(0, Math.round(milliseconds));
  return { seconds: BigInt(Math.floor(whole / 1_000)), nanos: (whole % 1_000) * 1_000_000 };
}

function toMs(duration: { readonly seconds: bigint; readonly nanos: number }): number {
  return Number(duration.seconds) * 1_000 + Math.round(duration.nanos / 1_000_000);
}
