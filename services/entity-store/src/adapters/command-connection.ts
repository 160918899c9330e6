import { typeParsers } from "@funkygibbon/postgres/type-parsers";
import pg from "pg";

/** Where a command works, and as whom. */
export interface CommandConnectionOptions {
  readonly url: string;
  /** Besides the login: a role that row level security binds to `household`. Absent: the login itself. */
  readonly role?: string;
  readonly household?: string;
  /** `snapshot`: one REPEATABLE READ, read only. `write`: READ COMMITTED. */
  readonly transaction: "snapshot" | "write";
}

/** One transaction of a command. Nothing in it is ever run twice: what a command reads or writes is a stream. */
export interface CommandTransaction {
  /** Rows; int8 as number, json as text. */
  rows<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The rows of a query, some at a time; the query has no parameters but `household` as $1 when it is given. */
  stream<Row>(text: string, values: readonly unknown[], batch: number): AsyncGenerator<Row[]>;
}

/** Runs `work` in one transaction on a connection of its own: all of it counts, or nothing. */
export async function inCommandTransaction<T>(
  options: CommandConnectionOptions,
  work: (tx: CommandTransaction) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: "entity-store-command",
    connectionTimeoutMillis: 10_000,
    // Of rows and tables in use: better a failed command, to be started again, than a queue of everybody behind it.
    lock_timeout: 30_000,
    types: typeParsers,
    options: `-c TimeZone=UTC -c DateStyle=ISO${options.role === undefined ? "" : ` -c role=${options.role}`}`,
  });
  // A lost connection reports to whoever waits on it.
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(
      options.transaction === "snapshot" ? "begin isolation level repeatable read read only" : "begin",
    );
    // The login itself must see every row: PostgreSQL then refuses what a policy would silently leave out.
    if (options.role === undefined) await client.query("set local row_security = off");
    await client.query("select set_config('app.households', $1, true)", [options.household ?? ""]);
    const result = await work(transactionOn(client));
    await client.query("commit");
    return result;
  } finally {
    // What was not committed is rolled back with the connection.
    await client.end().catch(() => {});
  }
}

function transactionOn(client: pg.Client): CommandTransaction {
  let cursors = 0;
  return {
    async rows<Row>(text: string, values: readonly unknown[] = []) {
      return (await client.query(text, [...values])).rows as Row[];
    },
    async *stream<Row>(text: string, values: readonly unknown[], batch: number) {
      const cursor = `command_cursor_${++cursors}`;
      await client.query(`declare ${cursor} no scroll cursor for ${text}`, [...values]);
      for (;;) {
        const { rows } = await client.query(`fetch ${batch} from ${cursor}`);
        if (rows.length === 0) break;
        yield rows as Row[];
      }
      await client.query(`close ${cursor}`);
    },
  };
}
