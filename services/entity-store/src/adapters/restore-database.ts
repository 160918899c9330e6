import { failedPrecondition } from "@funkygibbon/kernel/errors";
import { textArray } from "@funkygibbon/postgres/binary-array";
import { dataTables, migrationOf, type TableShape, tableName } from "./archived-tables.ts";
import type { ArchiveHeader, OpenArchive } from "./backup-archive.ts";
import type { CommandTransaction } from "./command-connection.ts";

/** What a restore brought back. */
export interface RestoreReport {
  readonly rows: number;
  readonly households: number;
}

/**
 * Puts the rows of an archive into the tables and begins a new epoch of every household.
 * @param replace empties the tables first; otherwise they must be empty.
 * @throws DomainError `failed-precondition` with reason SCHEMA_DIFFERS or DATABASE_NOT_EMPTY.
 */
export async function restoreDatabase(
  tx: CommandTransaction,
  { header, rows }: OpenArchive,
  { replace }: { readonly replace: boolean },
): Promise<RestoreReport> {
  const tables = await dataTables(tx);
  await requireSameSchema(tx, header, tables);
  const names = tables.map(({ name }) => tableName(name));
  // Nobody writes beside a restore, and nobody reads half of one.
  await tx.rows(`lock table ${names.join(", ")} in access exclusive mode`);
  if (replace) await tx.rows(`truncate ${names.join(", ")}`);
  else await requireEmpty(tx, tables);
  let restored = 0;
  for await (const batch of rows) {
    await tx.rows(insertInto(batch.table), [textArray(batch.rows)]);
    restored += batch.rows.length;
  }
  const [renewed] = await tx.rows<{ households: number }>("select renew_epochs() as households");
  await tx.rows(`analyze ${names.join(", ")}`);
  return { rows: restored, households: renewed?.households ?? 0 };
}

/** OFFSET 0: a row is read once, and not again for each of its columns. */
function insertInto(table: string): string {
  const name = tableName(table);
  return `insert into ${name} select (r.whole).* from (select t::${name} as whole from unnest($1::text[]) t offset 0) r`;
}

async function requireSameSchema(
  tx: CommandTransaction,
  header: ArchiveHeader,
  tables: readonly TableShape[],
): Promise<void> {
  const version = await migrationOf(tx);
  const shapes = (list: readonly TableShape[]) => JSON.stringify(list.map(({ name, columns }) => [name, columns]));
  if (version === header.schemaVersion && shapes(tables) === shapes(header.tables)) return;
  const message =
    version === header.schemaVersion
      ? "the tables of the database are not those of the archive"
      : `the archive is of schema version ${header.schemaVersion}, the database of ${version}: restore with the program that made it, then migrate`;
  throw failedPrecondition("SCHEMA_DIFFERS", message);
}

async function requireEmpty(tx: CommandTransaction, tables: readonly TableShape[]): Promise<void> {
  for (const { name } of tables) {
    const found = await tx.rows(`select 1 as found from ${tableName(name)} limit 1`);
    if (found.length > 0) {
      throw failedPrecondition(
        "DATABASE_NOT_EMPTY",
        `table ${name} has rows: restore with --force replaces everything`,
      );
    }
  }
}
