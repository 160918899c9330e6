import { randomBytes } from "node:crypto";
import { type Database, type DatabaseOptions, openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { askBroker } from "./ask-broker.ts";
import { asSuperuser, databaseUrl, disconnectSuperuser } from "./template-databases.ts";

/** A database of this test's own, on the run's server. */
export interface TestDatabase extends AsyncDisposable {
  /** Of the superuser, as services get it in DATABASE_URL. */
  readonly url: string;
  readonly name: string;
  /** A pool on it, closed together with the database. */
  open(options?: Partial<DatabaseOptions>): Database;
  /** One statement as the superuser, past every policy: to arrange and to look behind the scenes. */
  sql<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/**
 * Makes a private database, dropped when disposed.
 * @param options.migrations the folder with the migrations to apply; without it the database is empty.
 */
export async function createTestDatabase(options: { migrations?: string } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  const server = await serverFor(options.migrations);
  // Copied as files, it does not go through the log, and the caches beside it come along.
  const copy = `CREATE DATABASE ${name} TEMPLATE ${server.template} STRATEGY file_copy`;
  await asSuperuser(server.url, (client) => client.query(copy));
  const database = testDatabaseAt(databaseUrl(server.url, name));
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await asSuperuser(server.url, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** A database that is there already, on a server of the test's own; disposing it closes the pools on it. @param url of a superuser. */
export function testDatabaseAt(url: string): TestDatabase {
  const pools: Database[] = [];
  return {
    url,
    name: new URL(url).pathname.slice(1),
    open(poolOptions) {
      const pool = openDatabase({
        url,
        applicationName: "test",
        maxConnections: 4,
        log: silentLogger(),
        ...poolOptions,
      });
      pools.push(pool);
      return pool;
    },
    sql: (text, values = []) => asSuperuser(url, async (client) => (await client.query(text, [...values])).rows),
    async [Symbol.asyncDispose]() {
      await Promise.all(pools.map((pool) => pool[Symbol.asyncDispose]()));
      await disconnectSuperuser(url);
    },
  };
}

async function serverFor(migrations: string | undefined): Promise<{ url: string; template: string }> {
  if (migrations !== undefined) return askBroker("template", { directory: migrations });
  return { ...(await askBroker("postgres")), template: "template1" };
}
