/** Runs a statement as the superuser. */
type Ask = <Row>(text: string) => Promise<Row[]>;

const HEADER = `-- The schema as all migrations together make it, read from the catalogs. Nobody applies this file: it is here to be read
-- and reviewed. After a change of the migrations: npm test -- services/entity-store/src/schema.pg.test.ts -u
`;

/** The whole schema of a migrated database as SQL, each part in the order of its names: the same schema, the same text. */
export async function schemaText(ask: Ask): Promise<string> {
  const parts = [EXTENSIONS, TABLES, INDEXES, SECURITY, POLICIES, TABLE_GRANTS, COLUMN_GRANTS, FUNCTIONS];
  const sections: string[] = [];
  for (const part of parts) {
    const rows = await ask<{ text: string }>(part);
    sections.push(
      rows
        .map(({ text }) => text)
        .join("\n")
        .trimEnd(),
    );
  }
  return `${HEADER}\n${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

/** Of the schema public; the migrations' own table is made by the program, not by a migration. */
const OURS = "c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'schema_migrations'";

const EXTENSIONS = `
  select format('create extension %I;', extname) as text from pg_extension where extname <> 'plpgsql' order by extname`;

const COLUMNS = `
  select string_agg(
    format('  %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attcollation <> t.typcollation then ' collate ' || quote_ident(l.collname) else '' end,
      case when a.attnotnull then ' not null' else '' end,
      case when d.adbin is null then '' else ' default ' || pg_get_expr(d.adbin, d.adrelid) end),
    E',\\n' order by a.attnum)
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
  left join pg_collation l on l.oid = a.attcollation
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`;

/** Without the constraints for NOT NULL, which only some versions of PostgreSQL list. */
const CONSTRAINTS = `
  select string_agg(format(E',\\n  constraint %I %s', k.conname, pg_get_constraintdef(k.oid)), '' order by k.conname)
  from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n'`;

const COLUMN_SETTINGS = `
  select string_agg(
    format(E'\\nalter table %I alter column %I set (%s);', c.relname, a.attname, array_to_string(a.attoptions, ', ')),
    '' order by a.attnum)
  from pg_attribute a where a.attrelid = c.oid and a.attoptions is not null`;

const TABLES = `
  select format(E'create table %I (\\n%s%s\\n)%s;%s\\n', c.relname, (${COLUMNS}), (${CONSTRAINTS}),
    case when c.reloptions is null then '' else ' with (' || array_to_string(c.reloptions, ', ') || ')' end,
    (${COLUMN_SETTINGS})) as text
  from pg_class c where ${OURS} order by c.relname collate "C"`;

const INDEXES = `
  select pg_get_indexdef(i.indexrelid) || ';' as text
  from pg_index i
  join pg_class c on c.oid = i.indrelid
  join pg_class x on x.oid = i.indexrelid
  where ${OURS} and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
  order by c.relname collate "C", x.relname collate "C"`;

const SECURITY = `
  select format('alter table %I enable row level security;', c.relname)
    || case when c.relforcerowsecurity then format(E'\\nalter table %I force row level security;', c.relname) else '' end
    as text
  from pg_class c where ${OURS} and c.relrowsecurity order by c.relname collate "C"`;

const POLICIES = `
  select format(E'create policy %I on %I for %s to %s\\n  using (%s)%s;', p.polname, c.relname,
      case p.polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' else 'delete' end,
      (select string_agg(r.rolname, ', ' order by r.rolname) from pg_roles r where r.oid = any (p.polroles)),
      pg_get_expr(p.polqual, p.polrelid),
      E'\\n  with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')') as text
  from pg_policy p join pg_class c on c.oid = p.polrelid
  where ${OURS} order by c.relname collate "C", p.polname collate "C"`;

/** PUBLIC has the number 0. */
const grantees = (acl: string, owner: string) => `
  select case g.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(g.grantee)) end as grantee,
    string_agg(lower(g.privilege_type), ', ' order by g.privilege_type) as privileges
  from aclexplode(${acl}) g where g.grantee <> ${owner} group by g.grantee`;

const TABLE_GRANTS = `
  select format('grant %s on %I to %s;', g.privileges, c.relname, g.grantee) as text
  from pg_class c cross join lateral (${grantees("c.relacl", "c.relowner")}) g
  where ${OURS} order by c.relname collate "C", g.grantee collate "C"`;

const COLUMN_GRANTS = `
  select format('grant %s (%I) on %I to %s;', g.privileges, a.attname, c.relname, g.grantee) as text
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attacl is not null
  cross join lateral (${grantees("a.attacl", "c.relowner")}) g
  where ${OURS} order by c.relname collate "C", a.attnum, g.grantee collate "C"`;

/** An owner is named where it is one of our roles and not simply whoever migrated. */
const FUNCTIONS = `
  select rtrim(pg_get_functiondef(p.oid), E'\\n ') || ';'
    || case when starts_with(o.rolname, 'funkygibbon_')
         then format(E'\\nalter function %s owner to %I;', p.oid::regprocedure, o.rolname) else '' end
    || case when p.proacl is not null and not exists (select from aclexplode(p.proacl) g where g.grantee = 0)
         then format(E'\\nrevoke execute on function %s from public;', p.oid::regprocedure) else '' end
    || coalesce((
         select string_agg(format(E'\\ngrant %s on function %s to %s;', g.privileges, p.oid::regprocedure, g.grantee),
           '' order by g.grantee)
         from (${grantees("p.proacl", "p.proowner")}) g where g.grantee <> 'public'), '')
    || E'\\n' as text
  from pg_proc p join pg_roles o on o.oid = p.proowner
  where p.pronamespace = 'public'::regnamespace
    and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  order by p.proname collate "C", pg_get_function_identity_arguments(p.oid)`;
