import { DomainError } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { Logger } from "@funkygibbon/runtime/log";

/** The service that a service credential names. */
export interface ServiceIdentity {
  /** For example `mcp-gateway`. */
  readonly name: string;
}

/** What a handler knows about the call that it serves, on either transport. */
export interface CallContext {
  /** `inbetweenies.v1.SyncService/Sync`. */
  readonly method: string;
  /** The caller's `x-request-id`, or one of ours; echoed to the caller and in every log line. */
  readonly requestId: string;
  /** The user, from their own token or from an actor that a service vouches for. */
  readonly identity: Identity | undefined;
  /** The calling service, when a service credential came along. */
  readonly service: ServiceIdentity | undefined;
  /** The user; throws `unauthenticated` when the call has none. */
  requireIdentity(): Identity;
  /**
   * Aborts when nobody waits for the answer any more (cancelled, deadline passed) and, for streams, when the server drains:
   * see {@link isDraining}. Its reason is a DomainError.
   */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since 1970; undefined without a deadline. */
  readonly deadlineMs: number | undefined;
  /** `127.0.0.1:51234`. */
  readonly peer: string;
  /** Request headers by lower-case name. */
  readonly headers: RequestHeaders;
  /** Bears request id and method. */
  readonly log: Logger;
  /** Only before the first message is sent. */
  setResponseHeader(name: string, value: string): void;
  setTrailer(name: string, value: string): void;
}

/** Request headers by lower-case name. */
export interface RequestHeaders {
  get(name: string): string | undefined;
}

/** The reason with which the signals of open streams abort when the server drains. */
export const DRAINING = "SERVER_DRAINING";

/** Whether this signal aborted because the server drains: a stream may still say go-away, and then ends. */
export function isDraining(signal: AbortSignal): boolean {
  return signal.reason instanceof DomainError && signal.reason.reason === DRAINING;
}
