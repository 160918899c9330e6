import { DomainError, internal, unavailable } from "@funkygibbon/kernel/errors";

/** The five-character SQLSTATE of an error of PostgreSQL, also when a DomainError wraps it; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  const origin = rootOf(error);
  if (!(origin instanceof Error) || !("code" in origin) || typeof origin.code !== "string") return undefined;
  // EPIPE has the form of a SQLSTATE, and is none.
  return /^[0-9A-Z]{5}$/.test(origin.code) && !NETWORK_CODES.has(origin.code) ? origin.code : undefined;
}

/** Whether a unique constraint refused the statement: `constraint` by name, or any. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (sqlState(error) !== "23505") return false;
  const origin = rootOf(error);
  return (
    constraint === undefined || (origin instanceof Error && "constraint" in origin && origin.constraint === constraint)
  );
}

/** Whether the same transaction, started again, may succeed: it lost against another one (serialization failure, deadlock). */
export function isContention(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01";
}

/** Whether a prepared statement no longer fits its tables, which a migration changed: a new connection prepares it anew. */
export function isStalePlan(error: unknown): boolean {
  const origin = rootOf(error);
  return (
    sqlState(error) === "0A000" && origin instanceof Error && origin.message.startsWith("cached plan must not change")
  );
}

/** Whether the connection is gone or was never there, so that nothing more can be said on it. */
export function isConnectionFailure(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith("08") || SERVER_GOES_AWAY.has(state);
  const origin = rootOf(error);
  if (!(origin instanceof Error)) return false;
  if ("code" in origin && typeof origin.code === "string" && NETWORK_CODES.has(origin.code)) return true;
  return CONNECTION_TEXTS.test(origin.message);
}

/** In the terms of the domain: what may go away by itself is `unavailable`, everything else is ours. The cause is kept. */
export function translateError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  if (isConnectionFailure(error))
    return unavailable("the database cannot be reached", { retryAfterMs: 1_000, cause: error });
  const state = sqlState(error) ?? "";
  if (isContention(error)) return unavailable("the database is too contended", { retryAfterMs: 100, cause: error });
  if (state === "55P03") return unavailable("a lock was not granted in time", { retryAfterMs: 200, cause: error });
  if (state === "57014") return unavailable("the database took too long", { retryAfterMs: 1_000, cause: error });
  if (state === "25P03")
    return unavailable("the transaction was idle for too long", { retryAfterMs: 100, cause: error });
  if (state.startsWith("53")) {
    return unavailable("the database is short of resources", { retryAfterMs: 2_000, cause: error });
  }
  if (OF_A_STANDBY.has(state))
    return unavailable("the database is not the primary yet", { retryAfterMs: 1_000, cause: error });
  return internal("a database statement failed", error);
}

/** admin_shutdown, crash_shutdown, cannot_connect_now (starting up), database_dropped, idle_session_timeout. */
const SERVER_GOES_AWAY = new Set(["57P01", "57P02", "57P03", "57P04", "57P05"]);

/** read_only_sql_transaction; object_not_in_prerequisite_state, as questions about the write-ahead log are answered. */
const OF_A_STANDBY = new Set(["25006", "55000"]);

const NETWORK_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);

/** What node-pg says without a code. */
const CONNECTION_TEXTS =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Query read timeout)/;

function rootOf(error: unknown): unknown {
  return error instanceof DomainError ? error.cause : error;
}
