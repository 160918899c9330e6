import type { ArchivedTable } from "./backup-archive.ts";
import type { CommandTransaction } from "./command-connection.ts";

/** A table as the catalogs describe it. */
export type TableShape = Omit<ArchivedTable, "rows">;

/** The tables with data, by name: not those that describe the schema and the server that the data is on. */
export function dataTables(tx: CommandTransaction): Promise<TableShape[]> {
  return tx.rows<TableShape>(TABLES);
}

/** The number of the last migration. */
export async function migrationOf(tx: CommandTransaction): Promise<number> {
  const [row] = await tx.rows<{ version: number }>(VERSION);
  return row?.version ?? 0;
}

/** A table name of the catalogs or of an archive that was compared with them, as SQL. */
export function tableName(name: string): string {
  return `public."${name.replaceAll('"', '""')}"`;
}

const TABLES = `
  select c.relname as name,
    array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) order by a.attnum)::text[] as columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  where c.relkind = 'r' and c.relname not in ('schema_migrations', 'cluster_identity')
  group by c.relname order by c.relname collate "C"`;

const VERSION = "select coalesce(max(version), 0) as version from public.schema_migrations";
