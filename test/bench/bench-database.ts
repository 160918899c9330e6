import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { migrate } from "@funkygibbon/postgres/migrations";
import { silentLogger } from "@funkygibbon/runtime/log";
import { asSuperuser, databaseUrl } from "../support/template-databases.ts";

/** A database with the schema of entity-store; dropped on dispose. */
export interface BenchDatabase extends AsyncDisposable {
  /** Of a superuser. */
  readonly url: string;
}

/** @param superuserUrl of any database of the server. */
export async function createBenchDatabase(superuserUrl: string): Promise<BenchDatabase> {
  const name = `bench_${randomBytes(4).toString("hex")}`;
  await asSuperuser(superuserUrl, (client) => client.query(`CREATE DATABASE ${name}`));
  const url = databaseUrl(superuserUrl, name);
  const directory = fileURLToPath(new URL("../../services/entity-store/migrations", import.meta.url));
  await migrate({ url, directory, log: silentLogger() });
  return {
    url,
    async [Symbol.asyncDispose]() {
      await asSuperuser(superuserUrl, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
    },
  };
}
