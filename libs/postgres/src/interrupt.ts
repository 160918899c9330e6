import { connect } from "node:net";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { PoolClient } from "pg";

/** Watches a signal while a connection works for it. */
export interface Interrupt {
  /** Whether the signal aborted and the server was asked to stop. */
  readonly fired: boolean;
  stop(): void;
}

/** Asks the server to interrupt what runs on `client` when `signal` aborts, until stopped. */
export function interruptOnAbort(client: PoolClient, signal: AbortSignal | undefined): Interrupt {
  let fired = false;
  const onAbort = () => {
    fired = true;
    sendCancelRequest(client);
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  return {
    get fired() {
      return fired;
    },
    stop: () => signal?.removeEventListener("abort", onAbort),
  };
}

/** Why an aborted call ended, in the terms of the domain: the signal's own DomainError, a deadline, or a cancellation. */
export function abortError(signal: AbortSignal, cause: unknown): DomainError {
  const why: unknown = signal.reason;
  if (why instanceof DomainError) return why;
  if (why instanceof Error && why.name === "TimeoutError") {
    return new DomainError("deadline-exceeded", "the deadline has passed", { reason: "DEADLINE_EXCEEDED", cause });
  }
  return new DomainError("cancelled", "the call was cancelled", { reason: "CANCELLED", cause });
}

/**
 * A connection of its own that carries nothing but the request (PostgreSQL protocol, "Canceling Requests in Progress").
 * There is no answer; if it gets lost, the statement runs on to its timeout.
 */
function sendCancelRequest(client: PoolClient): void {
  const { host, port, processID, secretKey } = backendOf(client);
  if (processID === undefined || secretKey === undefined) return;
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket = connect(host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  socket.setTimeout(2_000, () => socket.destroy());
  socket.on("error", () => {});
  socket.end(request);
}

/** node-pg's client carries the backend's key in fields that its types leave out. */
function backendOf(client: PoolClient): { host: string; port: number; processID?: number; secretKey?: number } {
  return client as unknown as { host: string; port: number; processID?: number; secretKey?: number };
}
