/**
 * What went wrong, in the terms of the domain. Transport codes are derived from `kind` in one place
 * (`libs/rpc/src/status.ts`); nothing else in the system speaks of status codes.
 *
 * - `invalid`, `not-found`, `permission-denied`, `unauthenticated`, `stale`, `failed-precondition`,
 *   `already-exists` and `unimplemented`: the caller's fault; repeating the call changes nothing.
 * - `exhausted`, `unavailable`, `deadline-exceeded`, `cancelled`: not now; the caller may try again.
 * - `internal`: ours. The text is for the log, callers see a generic sentence.
 */
export type ErrorKind =
  | "invalid"
  | "not-found"
  | "already-exists"
  | "permission-denied"
  | "unauthenticated"
  | "stale"
  | "failed-precondition"
  | "unimplemented"
  | "exhausted"
  | "unavailable"
  | "deadline-exceeded"
  | "cancelled"
  | "internal";

/** One field that is wrong, and why: `{ field: "changes[3].version", description: "not a version string" }`. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** What a {@link DomainError} carries besides its kind and sentence. */
export interface DomainErrorOptions {
  /** Stable, machine-readable cause in UPPER_SNAKE_CASE (google.rpc.ErrorInfo.reason), for example `EPOCH_CHANGED`. */
  readonly reason: string;
  /** The fields at fault; only with kind `invalid`. */
  readonly fields?: readonly FieldViolation[];
  /** How long a caller should wait before it tries again, in milliseconds; only with the "not now" kinds. */
  readonly retryAfterMs?: number;
  /** Facts for programs (google.rpc.ErrorInfo.metadata), for example the current etag. Never secrets, never another household's data. */
  readonly details?: Readonly<Record<string, string>>;
  /** The error underneath. Logged, never sent. */
  readonly cause?: unknown;
}

/** The one error type that crosses a boundary between rooms. Adapters translate foreign errors into it and keep the cause. */
export class DomainError extends Error {
  override readonly name = "DomainError";
  readonly kind: ErrorKind;
  readonly reason: string;
  readonly fields: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, string>>;

  constructor(kind: ErrorKind, message: string, options: DomainErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.reason = options.reason;
    this.fields = options.fields ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }
}

/** The request breaks a rule; `fields` names where. */
export function invalid(fields: readonly FieldViolation[], reason = "INVALID_FIELD"): DomainError {
  const message = fields.map((violation) => `${violation.field}: ${violation.description}`).join("; ");
  return new DomainError("invalid", message, { reason, fields });
}

/**
 * What was thrown while something at `place` was read, its fields as seen from outside; anything but an `invalid` error as
 * it is. Readers of many things name their fields from within, so that no name is put together before something is wrong.
 */
export function seenFrom(place: string, thrown: unknown): unknown {
  if (!(thrown instanceof DomainError) || thrown.kind !== "invalid") return thrown;
  const fields = thrown.fields.map(({ field, description }) => ({
    field: field === "" ? place : `${place}.${field}`,
    description,
  }));
  return invalid(fields, thrown.reason);
}

/** The same answer for what does not exist and for what belongs to somebody else. */
export function notFound(what: string, id: string): DomainError {
  return new DomainError("not-found", `${what} ${id} not found`, { reason: "NOT_FOUND", details: { id } });
}

/** The caller is known and may not do this. */
export function permissionDenied(message: string, reason = "PERMISSION_DENIED"): DomainError {
  return new DomainError("permission-denied", message, { reason });
}

/** No credential, or one that does not verify. */
export function unauthenticated(message: string, reason = "UNAUTHENTICATED", cause?: unknown): DomainError {
  return new DomainError("unauthenticated", message, { reason, cause });
}

/** The state of the system forbids it now, and only the caller can change that; see `reason`. */
export function failedPrecondition(
  reason: string,
  message: string,
  details: Readonly<Record<string, string>> = {},
): DomainError {
  return new DomainError("failed-precondition", message, { reason, details });
}

/** A part that we need is away; try again after `retryAfterMs`. */
export function unavailable(message: string, options: { retryAfterMs?: number; cause?: unknown } = {}): DomainError {
  return new DomainError("unavailable", message, {
    reason: "UNAVAILABLE",
    retryAfterMs: options.retryAfterMs ?? 1_000,
    cause: options.cause,
  });
}

/** A bug or a broken invariant of ours. */
export function internal(message: string, cause?: unknown): DomainError {
  return new DomainError("internal", message, { reason: "INTERNAL", cause });
}
