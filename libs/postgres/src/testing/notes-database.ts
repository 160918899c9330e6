import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import type { Database, DatabaseOptions } from "../database.ts";
import type { Statement, Transaction } from "../transaction.ts";

/** A database with counters for all and notes under row level security, seen by a role that owns nothing. */
export interface NotesDatabase extends AsyncDisposable {
  /** A pool of the role's connections. */
  readonly pool: Database;
  readonly role: string;
  readonly database: TestDatabase;
  /** Another pool of the role's. */
  open(options?: Partial<DatabaseOptions>): Database;
}

/** Makes the database; disposed together with the role. */
export async function notesDatabase(): Promise<NotesDatabase> {
  const database = await createTestDatabase();
  const role = `app_${database.name}`;
  await database.sql("CREATE TABLE counters (id text PRIMARY KEY, value int NOT NULL)");
  await database.sql("CREATE TABLE notes (household_id text NOT NULL, body text NOT NULL)");
  await database.sql("ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
  await database.sql(`CREATE POLICY of_household ON notes USING (household_id = ANY (
    string_to_array(nullif(current_setting('app.households', true), ''), ',')))`);
  await database.sql(`CREATE ROLE ${role}`);
  await database.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON notes, counters TO ${role}`);
  const pools: Database[] = [];
  const open = (options?: Partial<DatabaseOptions>) => {
    const pool = database.open({ role, ...options });
    pools.push(pool);
    return pool;
  };
  return {
    pool: open(),
    role,
    database,
    open,
    async [Symbol.asyncDispose]() {
      await Promise.all(pools.map((pool) => pool[Symbol.asyncDispose]()));
      await database.sql(`DROP OWNED BY ${role}`);
      await database.sql(`DROP ROLE ${role}`);
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A statement named after its text. */
export const statement = (text: string): Statement => ({ name: `test.${text}`.slice(0, 63), text });

export const ADD_NOTE = statement("INSERT INTO notes (household_id, body) VALUES ($1, $2)");
export const READ_NOTES = statement("SELECT body FROM notes ORDER BY body");
export const SET_COUNTER = statement(
  "INSERT INTO counters VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET value = excluded.value",
);
const READ_COUNTER = statement("SELECT value FROM counters WHERE id = $1");
export const SLEEP = statement("SELECT pg_sleep($1)::text");

/** A counter's value; undefined when it was never set. */
export async function readCounter(tx: Transaction, id: string): Promise<number | undefined> {
  return (await tx.query<{ value: number }>(READ_COUNTER, [id]))[0]?.value;
}
