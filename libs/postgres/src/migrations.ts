import { setTimeout as sleep } from "node:timers/promises";
import { failedPrecondition, internal } from "@funkygibbon/kernel/errors";
import type { Logger } from "@funkygibbon/runtime/log";
import pg from "pg";
import type { Database } from "./database.ts";
import { type Migration, readMigrations } from "./migration-files.ts";
import { sqlState, translateError } from "./postgres-error.ts";
import type { Statement } from "./transaction.ts";

/** Options of {@link migrate}. */
export interface MigrateOptions {
  /** Of a login that may create tables and roles. */
  readonly url: string;
  /** The folder with `0001-….sql`, `0002-….sql`, …: plain SQL, forward only, each file one transaction. */
  readonly directory: string;
  readonly log: Logger;
}

/** What {@link migrate} did. */
export interface MigrationReport {
  /** The schema's version now. */
  readonly version: number;
  /** The files applied by this call, in order. */
  readonly applied: readonly string[];
}

/** Any constant does, as long as every version of this program takes the same one. */
const ADVISORY_LOCK = 7_205_759_403_792_793n;
const MAX_ATTEMPTS = 10;

/**
 * Brings the schema up to the code. Safe to run from several processes at once: an advisory lock lets one work while the
 * others wait and then find nothing to do.
 * @throws DomainError `failed-precondition` with reason MIGRATION_CHANGED when an applied file is not what it was, or
 * SCHEMA_TOO_NEW when the database knows more files than the code; `unavailable`; `internal` when a file fails, which
 * leaves the schema at the last file that succeeded.
 */
export async function migrate(options: MigrateOptions): Promise<MigrationReport> {
  const migrations = readMigrations(options.directory);
  const client = new pg.Client({
    connectionString: options.url,
    application_name: "migrate",
    connectionTimeoutMillis: 10_000,
    // Of tables in use: better a failed migration, to be started again, than a queue of everybody behind it.
    lock_timeout: 30_000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return await underLock(client, () => applyMissing(client, migrations, options.log));
  } catch (error) {
    throw translateError(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The version of the schema: the number of the last file applied, 0 for an empty database. @throws DomainError `unavailable` */
export function schemaVersion(database: Database): Promise<number> {
  return database.inTransaction({ households: "positions-only", readOnly: true }, async (tx) => {
    const [table] = await tx.query<{ present: boolean }>(HAS_TABLE);
    if (table?.present !== true) return 0;
    const [row] = await tx.query<{ version: number }>(READ_VERSION);
    return row?.version ?? 0;
  });
}

/**
 * What a service asks before it serves. A newer schema is fine: during a rolling update the migration comes first, and
 * migrations keep what the version before them needs.
 * @throws DomainError `failed-precondition` with reason SCHEMA_TOO_OLD when migrations are missing.
 */
export async function requireSchema(database: Database, directory: string): Promise<void> {
  const wanted = readMigrations(directory).length;
  const found = await schemaVersion(database);
  if (found >= wanted) return;
  const message = `the database schema is at version ${found} and this service needs ${wanted}: run \`entity-store migrate\``;
  throw failedPrecondition("SCHEMA_TOO_OLD", message);
}

const HAS_TABLE: Statement = {
  name: "migrations.has_table",
  text: "SELECT to_regclass('public.schema_migrations') IS NOT NULL AS present",
};

const READ_VERSION: Statement = {
  name: "migrations.read_version",
  text: "SELECT coalesce(max(version), 0)::int4 AS version FROM public.schema_migrations",
};

/** The lock belongs to the session, so that it spans the transactions of the files; it goes with the connection. */
async function underLock<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query("SET lock_timeout = 0");
  await client.query("SELECT pg_advisory_lock($1)", [ADVISORY_LOCK]);
  await client.query("RESET lock_timeout");
  return work();
}

async function applyMissing(
  client: pg.Client,
  migrations: readonly Migration[],
  log: Logger,
): Promise<MigrationReport> {
  const known = await readApplied(client);
  checkHistory(migrations, known);
  const applied: string[] = [];
  for (const migration of migrations.slice(known.length)) {
    const startedAt = performance.now();
    await applyPatiently(client, migration);
    applied.push(migration.file);
    log.info({ file: migration.file, ms: Math.round(performance.now() - startedAt) }, "postgres.migration_applied");
  }
  return { version: migrations.length, applied };
}

interface AppliedMigration {
  readonly version: number;
  readonly file: string;
  readonly checksum: string;
}

/** Everybody may read the table: services ask for the version as roles that own nothing. */
async function readApplied(client: pg.Client): Promise<AppliedMigration[]> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS public.schema_migrations (
      version int4 PRIMARY KEY,
      file text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    );
    GRANT SELECT ON public.schema_migrations TO PUBLIC`);
  const { rows } = await client.query<AppliedMigration>(
    "SELECT version, file, checksum FROM public.schema_migrations ORDER BY version",
  );
  return rows;
}

function checkHistory(migrations: readonly Migration[], known: readonly AppliedMigration[]): void {
  if (known.length > migrations.length) {
    const message = `the database is at schema version ${known.length}, this program knows ${migrations.length}: use a newer program`;
    throw failedPrecondition("SCHEMA_TOO_NEW", message);
  }
  for (const [index, applied] of known.entries()) {
    const migration = migrations[index];
    if (migration?.version === applied.version && migration.checksum === applied.checksum) continue;
    const message = `migration ${applied.file} was applied and has changed since: write a new one instead`;
    throw failedPrecondition("MIGRATION_CHANGED", message);
  }
}

/** Roles belong to the whole cluster: migrations of two databases may create or grant the same one at the same moment, and one of them has to try again. */
async function applyPatiently(client: pg.Client, migration: Migration): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await apply(client, migration);
    } catch (error) {
      await client.query("ROLLBACK");
      if (!isRaceOverRole(error) || attempt === MAX_ATTEMPTS) throw describe(error, migration);
      await sleep(20 * attempt * (0.5 + Math.random()));
    }
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query("BEGIN");
  await client.query(migration.sql);
  await client.query("INSERT INTO public.schema_migrations (version, file, checksum) VALUES ($1, $2, $3)", [
    migration.version,
    migration.file,
    migration.checksum,
  ]);
  await client.query("COMMIT");
}

/** Two transactions made or changed the same row of a system catalogue. */
function isRaceOverRole(error: unknown): boolean {
  const state = sqlState(error);
  if (state === "XX000") return error instanceof Error && error.message === "tuple concurrently updated";
  return state === "42710" || (state === "23505" && error instanceof Error && /\bpg_\w+_index\b/.test(error.message));
}

function describe(error: unknown, migration: Migration): unknown {
  const translated = translateError(error);
  if (translated.kind !== "internal") return translated;
  const detail = error instanceof Error ? error.message : String(error);
  return internal(`migration ${migration.file} failed: ${detail}`, error);
}
