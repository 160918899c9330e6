import { createHash, randomBytes } from "node:crypto";
import { readMigrations } from "@funkygibbon/postgres/migration-files";
import { migrate } from "@funkygibbon/postgres/migrations";
import { silentLogger } from "@funkygibbon/runtime/log";
import pg from "pg";

/** Databases with migrations applied, one per set of migrations, which tests copy: a copy takes a tenth of the time. */
export class TemplateDatabases implements AsyncDisposable {
  readonly #url: string;
  readonly #run = randomBytes(4).toString("hex");
  readonly #templates = new Map<string, Promise<string>>();

  /** @param url of a superuser. */
  constructor(url: string) {
    this.#url = url;
  }

  /** The name of the template for the migrations of this folder. */
  forMigrations(directory: string): Promise<string> {
    const content = readMigrations(directory).map((migration) => migration.checksum);
    const key = createHash("sha256").update(content.join()).digest("hex").slice(0, 12);
    const known = this.#templates.get(key);
    if (known !== undefined) return known;
    const made = this.#make(`template_${this.#run}_${key}`, directory);
    this.#templates.set(key, made);
    return made;
  }

  /** Drops the templates: the server may be somebody else's. */
  async [Symbol.asyncDispose](): Promise<void> {
    const names = await Promise.allSettled(this.#templates.values());
    await asSuperuser(this.#url, async (client) => {
      for (const name of names)
        if (name.status === "fulfilled") await client.query(`DROP DATABASE IF EXISTS ${name.value}`);
    });
  }

  async #make(name: string, directory: string): Promise<string> {
    await asSuperuser(this.#url, (client) => client.query(`CREATE DATABASE ${name}`));
    await migrate({ url: databaseUrl(this.#url, name), directory, log: silentLogger() });
    return name;
  }
}

/** The URL of another database of the same server. */
export function databaseUrl(url: string, name: string): string {
  const result = new URL(url);
  result.pathname = `/${name}`;
  return result.href;
}

/** Runs `work` with a connection, which others get after it: it must leave no setting behind. After a failure it is closed. */
export async function asSuperuser<T>(url: string, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  const client = await poolAt(url).connect();
  client.on("error", ignore);
  let fault: unknown;
  try {
    return await work(client);
  } catch (error) {
    fault = error;
    throw error;
  } finally {
    client.off("error", ignore);
    client.release(fault !== undefined);
  }
}

const pools = new Map<string, pg.Pool>();

/** Connections are kept for a second: to log in takes thirty times what most statements take. */
function poolAt(url: string): pg.Pool {
  const known = pools.get(url);
  if (known !== undefined) return known;
  const pool = new pg.Pool({ connectionString: url, max: 10, idleTimeoutMillis: 1_000, allowExitOnIdle: true });
  pool.on("error", ignore);
  pools.set(url, pool);
  return pool;
}

/** Ends what is kept to this URL: a database with connections to it takes its time to be dropped. */
export async function disconnectSuperuser(url: string): Promise<void> {
  const pool = pools.get(url);
  pools.delete(url);
  await pool?.end();
}

/** A server may be killed while nobody asks it anything. */
function ignore(): void {}
