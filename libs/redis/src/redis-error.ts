import { DomainError, internal, unavailable } from "@funkygibbon/kernel/errors";

/** Redis did not answer in time. */
export class CommandTimeout extends Error {
  override readonly name = "CommandTimeout";
}

/** Replies that say "not now": loading its data, read-only replica, no quorum, busy with a script, out of memory. */
const PASSING_REPLIES = /^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|OOM|NOREPLICAS)\b/;

/** What the driver itself finds wrong with a command, before it asks a cluster. */
const OF_TWO_SLOTS = /belong to the same slot/;

/** Whether the error is the server's state rather than the command's fault; only these count for the breaker. */
export function isServerTrouble(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof DomainError) return false;
  if (error.name === "ReplyError") return PASSING_REPLIES.test(error.message);
  return !OF_TWO_SLOTS.test(error.message);
}

/** In the terms of the domain: `unavailable` for trouble of the server, `internal` for a command that it refuses. The cause is kept. */
export function translateError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (isServerTrouble(error)) return unavailable("Redis cannot be reached", { cause: error });
  return internal("Redis refused a command", error);
}
