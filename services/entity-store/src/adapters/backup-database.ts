import { dataTables, migrationOf, type TableShape, tableName } from "./archived-tables.ts";
import { ARCHIVE_FORMAT, ARCHIVE_VERSION, type ArchivedRows, type ArchiveHeader } from "./backup-archive.ts";
import type { CommandTransaction } from "./command-connection.ts";

/** Rows in memory at a time; a body has at most 64 KiB. */
const BATCH = 500;

/** What a backup of the transaction's snapshot will hold: everything of every household. */
export async function describeBackup(tx: CommandTransaction, created: string): Promise<ArchiveHeader> {
  const shapes = await dataTables(tx);
  const tables = [];
  for (const shape of shapes) {
    const [counted] = await tx.rows<{ rows: number }>(`select count(*) as rows from ${tableName(shape.name)}`);
    tables.push({ ...shape, rows: counted?.rows ?? 0 });
  }
  const schemaVersion = await migrationOf(tx);
  return { format: ARCHIVE_FORMAT, formatVersion: ARCHIVE_VERSION, schemaVersion, created, tables };
}

/** All rows, in the order of the tables, each as PostgreSQL prints it, which its input reads back exactly. */
export async function* backedUpRows(
  tx: CommandTransaction,
  tables: readonly TableShape[],
): AsyncGenerator<ArchivedRows> {
  for (const { name } of tables) {
    const all = `select t::text as row from ${tableName(name)} t`;
    for await (const rows of tx.stream<{ row: string }>(all, [], BATCH)) {
      yield { table: name, rows: rows.map(({ row }) => row) };
    }
  }
}
