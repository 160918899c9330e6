import { internal } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { PoolClient } from "pg";
import { translateError } from "./postgres-error.ts";

/** A statement of ours. Prepared once per connection under its name, so the name stands for exactly this text. */
export interface Statement {
  /** At most 63 characters; by convention `room.verb_object`, for example `change_log.read_heads`. */
  readonly name: string;
  readonly text: string;
  /** `array` gives each row as an array of its columns: cheaper for many rows. Default `object`. */
  readonly rowMode?: "object" | "array";
}

/** Whose rows a transaction may see: those of these households, or none at all but the log positions that relays and sweeps go by. */
export type HouseholdScope = readonly HouseholdId[] | "positions-only";

/** An open transaction. Only valid until the function that received it returns. */
export interface Transaction {
  /**
   * Runs a statement and returns its rows. Statements issued together are sent together and run in order.
   * @throws DomainError; after that the transaction can only fail.
   */
  query<Row>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs a statement and returns how many rows it changed. @throws DomainError */
  execute(statement: Statement, values?: readonly unknown[]): Promise<number>;
  /** Widens or changes whose rows the rest of the transaction may see: a relay learns from positions which household it serves. */
  scopeTo(households: readonly HouseholdId[]): Promise<void>;
}

/** The transaction on one connection; `begun` is the BEGIN that was sent ahead and not waited for. */
export class PostgresTransaction implements Transaction {
  readonly #client: PoolClient;
  readonly #begun: Promise<unknown>;
  #unanswered = 0;
  #ended = false;

  constructor(client: PoolClient, begun: Promise<unknown>) {
    this.#client = client;
    this.#begun = begun;
  }

  async query<Row>(statement: Statement, values: readonly unknown[] = []): Promise<Row[]> {
    return (await this.#run(statement, values)).rows as Row[];
  }

  async execute(statement: Statement, values: readonly unknown[] = []): Promise<number> {
    return (await this.#run(statement, values)).rowCount ?? 0;
  }

  async scopeTo(households: readonly HouseholdId[]): Promise<void> {
    await this.#run(SCOPE, [scopeSetting(households)]);
  }

  /** Whether every statement has been answered, and none with an error: then nothing can go wrong at its end. */
  get sound(): boolean {
    return this.#unanswered === 0;
  }

  /** From now on the transaction refuses statements: on this connection they would belong to somebody else's. */
  end(): void {
    this.#ended = true;
  }

  async #run(statement: Statement, values: readonly unknown[]) {
    if (this.#ended) throw internal(`statement ${statement.name} came after the end of its transaction`);
    const { name, text, rowMode } = statement;
    const config = rowMode === "array" ? { name, text, rowMode } : { name, text };
    this.#unanswered += 1;
    try {
      // BEGIN and the first statement travel together; see BEGIN in database.ts for why that is safe.
      const [, result] = await Promise.all([this.#begun, this.#client.query({ ...config, values: [...values] })]);
      this.#unanswered -= 1;
      return result;
    } catch (error) {
      throw translateError(error);
    }
  }
}

const SCOPE: Statement = { name: "transaction.scope_to", text: "SELECT set_config('app.households', $1, true)" };

const HOUSEHOLD = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The value of `app.households`, which row level security compares with: ids separated by commas, none for
 * positions only. Policies read it as `household_id = ANY (string_to_array(nullif(current_setting('app.households',
 * true), ''), ','))`; nullif because a pooled connection has '' where a fresh one has NULL.
 */
export function scopeSetting(scope: HouseholdScope): string {
  if (scope === "positions-only") return "";
  for (const household of scope) {
    if (!HOUSEHOLD.test(household)) throw internal("a household id that was never parsed reached the database");
  }
  return scope.join(",");
}
