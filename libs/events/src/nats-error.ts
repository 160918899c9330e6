import { DomainError, internal, unavailable } from "@funkygibbon/kernel/errors";
import { ErrorCode, NatsError } from "nats";

/** In the terms of the domain: `internal` for what no retry can mend, `unavailable` for everything else. The cause is kept. */
export function translateError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const code = error instanceof NatsError ? error.code : "";
  if (OUR_FAULT.has(code)) return internal("NATS refused an event", error);
  return unavailable("NATS cannot be reached", { cause: error });
}

/**
 * Whether the subject may have no stream. Without one nobody acknowledges: the server says so at once when nobody at all
 * listens, but with plain subscribers there the publisher just waits in vain.
 */
export function mayLackStream(error: unknown): boolean {
  return error instanceof NatsError && (error.code === ErrorCode.NoResponders || error.code === ErrorCode.Timeout);
}

const OUR_FAULT = new Set<string>([
  ErrorCode.BadSubject,
  ErrorCode.BadPayload,
  ErrorCode.InvalidPayload,
  ErrorCode.MaxPayloadExceeded,
  ErrorCode.PermissionsViolation,
]);
