import { type GoAway, GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { DomainError } from "@funkygibbon/kernel/errors";

/**
 * How a session came to its end, as far as it decides what happens next:
 * - `lost`: by the network, or by a server that goes away; come back after a while.
 * - `token-expired`: come back with a fresh token; `error`: it had ended already when it was shown.
 * - `epoch-changed`: the log was renewed; pull a fresh base and heal.
 * - `digest-mismatch`: the base does not add up; pull a fresh one.
 * - `forked`: a clone exists. The device has taken a new id, or has to when `refused`.
 * - `stopped`: never come back by itself.
 */
export type SessionEnd =
  | { readonly kind: "lost"; readonly error: DomainError | undefined; readonly afterMs: number | undefined }
  | { readonly kind: "token-expired"; readonly error: DomainError | undefined }
  | { readonly kind: "epoch-changed" }
  | { readonly kind: "digest-mismatch" }
  | { readonly kind: "forked"; readonly refused: boolean }
  | {
      readonly kind: "stopped";
      readonly reason: "superseded" | "forgotten" | "household-changed" | "refused";
      readonly error: DomainError | undefined;
    };

/** What a go-away asks for. */
export function endOfGoAway(goAway: GoAway): SessionEnd {
  switch (goAway.reason) {
    case GoAwayReason.SUPERSEDED:
      return { kind: "stopped", reason: "superseded", error: undefined };
    case GoAwayReason.FORGOTTEN:
      return { kind: "stopped", reason: "forgotten", error: undefined };
    case GoAwayReason.HOUSEHOLD_CHANGED:
      return { kind: "stopped", reason: "household-changed", error: undefined };
    case GoAwayReason.FORKED:
      return { kind: "forked", refused: true };
    case GoAwayReason.EPOCH_CHANGED:
      return { kind: "epoch-changed" };
    case GoAwayReason.TOKEN_EXPIRED:
      return { kind: "token-expired", error: undefined };
    default:
      return { kind: "lost", error: lostTo(goAway), afterMs: durationMs(goAway.reconnectAfter) };
  }
}

/** What a failed session asks for. Faults of the caller that no repetition changes stop the client. */
export function endOfError(cause: unknown): SessionEnd {
  const error = cause instanceof DomainError ? cause : unexpected(cause);
  switch (error.reason) {
    case "EPOCH_CHANGED":
      return { kind: "epoch-changed" };
    case "HOUSEHOLD_CHANGED":
      return { kind: "stopped", reason: "household-changed", error };
    case "SESSION_SUPERSEDED":
      return { kind: "stopped", reason: "superseded", error };
    case "DEVICE_FORGOTTEN":
      return { kind: "stopped", reason: "forgotten", error };
    case "FORKED":
      return { kind: "forked", refused: true };
    case "TOKEN_EXPIRED":
      return { kind: "token-expired", error };
  }
  const final = error.kind === "invalid" || error.kind === "permission-denied";
  return final ? { kind: "stopped", reason: "refused", error } : { kind: "lost", error, afterMs: error.retryAfterMs };
}

/** A protobuf duration in milliseconds. */
export function durationMs(duration: { seconds: bigint; nanos: number } | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds) * 1_000 + duration.nanos / 1e6;
}

function lostTo(goAway: GoAway): DomainError {
  const names = Object.entries(GoAwayReason);
  const reason = names.find(([, value]) => value === goAway.reason)?.[0] ?? "UNSPECIFIED";
  return new DomainError("unavailable", goAway.message === "" ? "the server ended the session" : goAway.message, {
    reason,
  });
}

function unexpected(cause: unknown): DomainError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new DomainError("internal", message, { reason: "INTERNAL", cause });
}
