import type { Duplex } from "node:stream";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { internal, unavailable } from "@funkygibbon/kernel/errors";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Meter } from "@opentelemetry/api";
import pg, { type PoolClient } from "pg";
import { abortError, interruptOnAbort } from "./interrupt.ts";
import { PoolMetrics } from "./pool-metrics.ts";
import { isConnectionFailure, isContention, isStalePlan, translateError } from "./postgres-error.ts";
import { type HouseholdScope, PostgresTransaction, scopeSetting, type Transaction } from "./transaction.ts";
import { typeParsers } from "./type-parsers.ts";

/** Options of {@link openDatabase}. */
export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** The role that statements run as (`-c role=…` at connection time); the login's own without it. */
  readonly role?: string | undefined;
  /** As shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Default 10. */
  readonly maxConnections?: number;
  /** How long a statement may run. Default 10 s. */
  readonly statementTimeoutMs?: number;
  /** How long a statement may wait for a lock. Default 5 s. */
  readonly lockTimeoutMs?: number;
  /** How long a transaction may sit idle between statements before the server ends it. Default 15 s. */
  readonly idleInTransactionTimeoutMs?: number;
  /** How long to wait for a free connection, or for a new one. Default 5 s. */
  readonly connectTimeoutMs?: number;
  /** Further settings of its connections, by name. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Runs on every new connection before its first use, as the role; when it throws, the connection is not used. */
  readonly onConnect?: (connection: ConnectionProbe) => Promise<void>;
  readonly log: Logger;
  readonly meter?: Meter;
  /** Waits between attempts; for tests. */
  readonly backoff?: (attempt: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** What {@link DatabaseOptions.onConnect} may do with a new connection: single statements, each its own transaction. */
export interface ConnectionProbe {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** The policy of one transaction. */
export interface TransactionOptions {
  /** Whose rows it may see and change. */
  readonly households: HouseholdScope;
  /** Default false. */
  readonly readOnly?: boolean;
  /** Default `read committed`. With `repeatable read` all statements see one snapshot. */
  readonly isolation?: "read committed" | "repeatable read" | "serializable";
  /** Aborting interrupts the running statement and rolls back. */
  readonly signal?: AbortSignal | undefined;
}

/** The PostgreSQL of one service: a pool whose only way in is a transaction. */
export interface Database extends AsyncDisposable {
  /**
   * Runs `work` in a transaction: committed when it returns, rolled back when it throws. Runs it again, at most five
   * times in all, when it lost against another transaction; so `work` must have no other effects, and no network calls.
   * @throws DomainError `unavailable` when the database is away, slow or too contended; `cancelled` (or the signal's own
   * reason) when the signal aborts; `internal` for anything that is our fault; whatever `work` throws otherwise.
   */
  inTransaction<T>(options: TransactionOptions, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Resolves when the database answers. @throws DomainError `unavailable` within 2 s otherwise. */
  ping(): Promise<void>;
}

const MAX_ATTEMPTS = 5;
const PING_TIMEOUT_MS = 2_000;

/** Opens a pool; connections are made when they are needed, so this succeeds without a server. Dispose waits for open transactions. */
export function openDatabase(options: DatabaseOptions): Database {
  return new PostgresDatabase(options);
}

class PostgresDatabase implements Database {
  readonly #pool: pg.Pool;
  readonly #metrics: PoolMetrics | undefined;
  readonly #backoff: NonNullable<DatabaseOptions["backoff"]>;
  readonly #log: Logger;

  constructor(options: DatabaseOptions) {
    this.#log = options.log;
    this.#backoff = options.backoff ?? jitteredBackoff;
    this.#pool = new pg.Pool(poolConfig(options));
    // A broken connection reports to whoever waits on it; without these listeners it would end the process as well.
    this.#pool.on("error", (error) => options.log.warn({ err: error }, "postgres.connection_lost"));
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#metrics = options.meter && new PoolMetrics(options.meter, this.#pool);
  }

  async inTransaction<T>(options: TransactionOptions, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        const result = await this.#attempt(options, work);
        this.#metrics?.transaction("committed", performance.now() - startedAt);
        return result;
      } catch (error) {
        const cause = retryCause(error);
        if (options.signal?.aborted !== true && cause !== undefined && attempt < MAX_ATTEMPTS) {
          this.#metrics?.retry(cause);
          this.#log.debug({ attempt, cause }, "postgres.transaction_retried");
          await this.#backoff(attempt, options.signal);
          continue;
        }
        this.#metrics?.transaction("failed", performance.now() - startedAt);
        if (options.signal?.aborted === true) throw abortError(options.signal, error);
        throw error instanceof LostBeforeCommit ? translateError(error.cause) : error;
      }
    }
  }

  async ping(): Promise<void> {
    const timer = new AbortController();
    const late = sleep(PING_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
      throw unavailable("the database does not answer");
    });
    try {
      await Promise.race([this.#pool.query("SELECT 1"), late]);
    } catch (error) {
      throw translateError(error);
    } finally {
      late.catch(() => {});
      timer.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#metrics?.stop();
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #attempt<T>(options: TransactionOptions, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const begin = beginStatement(options);
    const client = await this.#acquire(options.signal);
    const interrupt = interruptOnAbort(client, options.signal);
    sendTogether(client);
    const begun = client.query(begin);
    begun.catch(() => {}); // Reported by the first statement, or below.
    const tx = new PostgresTransaction(client, begun);
    let committing = false;
    let reusable = true;
    let ending: Promise<boolean> | undefined;
    try {
      const result = await work(tx);
      tx.end();
      await begun;
      if (options.signal?.aborted === true) throw abortError(options.signal, undefined);
      if (tx.sound && endsWithoutConsequence(options)) {
        ending = endRead(client);
        return result;
      }
      committing = true;
      await commit(client);
      return result;
    } catch (error) {
      tx.end();
      reusable = !interrupt.fired && !isStalePlan(error) && (await rollBack(client));
      // Until COMMIT is sent, a lost connection means that nothing has happened; after it, nobody knows.
      if (!committing && isConnectionFailure(error))
        throw new LostBeforeCommit("the connection was lost", { cause: error });
      throw committing ? translateError(error) : error;
    } finally {
      interrupt.stop();
      // A cancel request may still be under way and would hit whoever used the connection next.
      const release = (usable: boolean) => client.release(!usable || interrupt.fired);
      if (ending === undefined) release(reusable);
      else void ending.then(release);
    }
  }

  async #acquire(signal: AbortSignal | undefined): Promise<PoolClient> {
    if (signal?.aborted === true) throw abortError(signal, undefined);
    const connecting = this.#pool.connect();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal && abortError(signal, undefined));
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([connecting, aborted.promise]);
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => {},
      );
      throw translateError(error);
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

/** The connection broke while the transaction was open: it can safely be run again. */
class LostBeforeCommit extends Error {}

function retryCause(error: unknown): "contention" | "connection" | "stale-plan" | undefined {
  if (error instanceof LostBeforeCommit) return "connection";
  if (isContention(error)) return "contention";
  return isStalePlan(error) ? "stale-plan" : undefined;
}

/**
 * BEGIN and the scope in one message. It is sent ahead of the first statement without waiting for its answer, which
 * saves a round trip; if the connection is alive it cannot fail, and if it is not, the statement does not run either.
 */
function beginStatement({ households, isolation = "read committed", readOnly = false }: TransactionOptions): string {
  const mode = `ISOLATION LEVEL ${isolation.toUpperCase()} ${readOnly ? "READ ONLY" : "READ WRITE"}`;
  return `BEGIN ${mode}; SELECT set_config('app.households', '${scopeSetting(households)}', true)`;
}

/** What is asked in this turn of the event loop goes out in one write: a system call costs as much as a short query. */
function sendTogether(client: PoolClient): void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query("COMMIT");
  // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and no error.
  if (command !== "COMMIT") throw internal("a failed statement was ignored, so its transaction was rolled back");
}

/** Whether the caller has nothing to learn from COMMIT. Only serializable reads can still fail there. */
function endsWithoutConsequence({ readOnly, isolation }: TransactionOptions): boolean {
  return readOnly === true && isolation !== "serializable";
}

/** Ends a transaction that has only read after its caller has gone on with what was read. */
async function endRead(client: PoolClient): Promise<boolean> {
  await setImmediate();
  try {
    await client.query("COMMIT");
    return true;
  } catch {
    return false;
  }
}

async function rollBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query("ROLLBACK");
    return true;
  } catch {
    return false;
  }
}

/** 10 ms, doubled with every attempt, of which a random half to whole is waited. */
async function jitteredBackoff(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const ceilingMs = 10 * 2 ** attempt;
  await sleep(ceilingMs * (0.5 + Math.random() / 2), undefined, signal && { signal }).catch(() => {});
}

function poolConfig(options: DatabaseOptions): pg.PoolConfig {
  const { onConnect } = options;
  const settings: Record<string, string | number> = {
    ...(options.role === undefined ? {} : { role: options.role }),
    statement_timeout: options.statementTimeoutMs ?? 10_000,
    lock_timeout: options.lockTimeoutMs ?? 5_000,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 15_000,
    // What COMMIT has answered is on disk, whatever the server or the database is set to.
    synchronous_commit: "on",
    // The parsers of times rely on these two.
    TimeZone: "UTC",
    DateStyle: "ISO",
    ...options.settings,
  };
  return {
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    pipeline: true,
    types: typeParsers,
    options: Object.entries(settings)
      .map(([name, value]) => `-c ${name}=${String(value).replace(/[\\ ]/g, "\\$&")}`)
      .join(" "),
    ...(onConnect === undefined ? {} : { onConnect: (client) => onConnect(probe(client)) }),
  };
}

function probe(client: pg.ClientBase): ConnectionProbe {
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      return (await client.query(text, [...values])).rows as Row[];
    },
  };
}
