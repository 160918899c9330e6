import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Database } from "@funkygibbon/postgres/database";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../test/support/test-database.ts";
import { declaredStatements, filesWithStatements, STATEMENT_FILES } from "../test/declared-statements.ts";
import { SeededLog, seedId } from "../test/seeded-log.ts";
import { claimPosition, findLagging, movePositions, readAfter, setPosition } from "./adapters/relay-positions.ts";
import { laggingHouseholds } from "./adapters/search-projector.ts";

let database: TestDatabase;
let relay: Database;
const mine = new SeededLog("mine");
const theirs = new SeededLog("theirs");

beforeAll(async () => {
  database = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  for (const log of [mine, theirs]) {
    log.entity(seedId(1), "device", { name: `Of ${log.household}` });
    await log.write(database);
    await database.sql("insert into relay_positions values ($1)", [log.household]);
  }
  relay = database.open({ role: "funkygibbon_relay" });
});
afterAll(() => database?.[Symbol.asyncDispose]());

const names = async (text: string) => (await database.sql<{ name: string }>(text)).map(({ name }) => name);

describe("row level security (I5)", () => {
  test("is forced on every table that holds something of a household, by the same policy", async () => {
    const tables = await names(
      "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
    );
    const secured = await names(
      `select c.relname as name from pg_class c
       join pg_policy p on p.polrelid = c.oid and p.polname = 'own_households' and p.polcmd = '*'
         and pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
         and pg_get_expr(p.polqual, p.polrelid) like '(household_id = ANY (( SELECT app_households()%'
       where c.relrowsecurity and c.relforcerowsecurity order by 1`,
    );
    // What describes the schema and the server is nobody's.
    expect(tables.filter((table) => !secured.includes(table))).toEqual(["cluster_identity", "schema_migrations"]);
  });

  test("binds the roles that the service runs as: they own nothing, and nothing lifts it for them", async () => {
    const roles = await database.sql(
      `select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin,
         (select count(*)::int from pg_shdepend d where d.refobjid = r.oid and d.deptype = 'o') as owned,
         (select count(*)::int from pg_auth_members m where m.member = r.oid) as member_of
       from pg_roles r where rolname in ('funkygibbon_app', 'funkygibbon_relay') order by 1`,
    );
    const powerless = {
      rolsuper: false,
      rolbypassrls: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolcanlogin: false,
      owned: 0,
      member_of: 0,
    };
    expect(roles).toEqual([
      { rolname: "funkygibbon_app", ...powerless },
      { rolname: "funkygibbon_relay", ...powerless },
    ]);
  });

  test("is looked past only by functions that fix their search path and that not everybody may call", async () => {
    const definers = await database.sql<{ name: string; fixed: boolean; callers: string[] }>(
      `select p.proname as name, p.proconfig::text like '%search_path=public, pg_temp%' as fixed,
         array(select g.grantee::regrole::text from aclexplode(p.proacl) g
           where g.grantee <> p.proowner order by 1) as callers
       from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prosecdef order by 1`,
    );
    expect(definers).toEqual([
      { name: "check_cluster_identity", fixed: true, callers: ["funkygibbon_app"] },
      { name: "forget_words", fixed: true, callers: ["funkygibbon_app"] },
      { name: "named_candidates", fixed: true, callers: ["funkygibbon_app"] },
      { name: "renew_epochs", fixed: true, callers: [] },
      { name: "search_candidates", fixed: true, callers: ["funkygibbon_app"] },
      { name: "similar_candidates", fixed: true, callers: ["funkygibbon_app"] },
      { name: "similar_words", fixed: true, callers: ["funkygibbon_app"] },
    ]);
  });

  test("leaves the log append-only for the service: no version is ever changed or deleted, no table emptied", async () => {
    const may = await database.sql(
      `select grantee, privilege_type from information_schema.role_table_grants
       where grantee in ('funkygibbon_app', 'funkygibbon_definer', 'funkygibbon_relay', 'PUBLIC') and (table_name = 'record_versions' or privilege_type in ('TRUNCATE', 'TRIGGER'))
       order by 1, 2`,
    );
    expect(may).toEqual([
      { grantee: "funkygibbon_app", privilege_type: "INSERT" },
      { grantee: "funkygibbon_app", privilege_type: "SELECT" },
      { grantee: "funkygibbon_definer", privilege_type: "SELECT" },
      { grantee: "funkygibbon_relay", privilege_type: "SELECT" },
    ]);
  });
});

describe("the role of relay and sweeps (I5)", () => {
  const never = new AbortController().signal;

  test("sees where every log stands, and what one says only in that household's name", async () => {
    expect((await findLagging(relay, 10)).map(({ household }) => household).sort()).toEqual(["mine", "theirs"]);
    expect([...(await laggingHouseholds(relay)(never))].sort()).toEqual(["mine", "theirs"]);
    await relay.inTransaction({ households: "positions-only" }, async (tx) => {
      expect(await claimPosition(tx, mine.household)).toMatchObject({ relayedSeq: 0 });
      expect(await readAfter(tx, mine.household, 0, 10)).toEqual([]);
      await tx.scopeTo([theirs.household]);
      expect(await readAfter(tx, mine.household, 0, 10)).toEqual([]);
      await tx.scopeTo([mine.household]);
      expect(await readAfter(tx, mine.household, 0, 10)).toMatchObject([{ body: '{"name":"Of mine"}' }]);
      expect(await readAfter(tx, theirs.household, 0, 10)).toEqual([]);
    });
  });

  test("moves the positions that it names and no others", async () => {
    await movePositions(relay, [{ household: mine.household, fromSeq: 1, toSeq: 1 }]);
    await relay.inTransaction({ households: "positions-only" }, (tx) => setPosition(tx, "nobody" as HouseholdId, 5));
    expect(await database.sql("select household_id, relayed_seq::int as seq from relay_positions order by 1")).toEqual([
      { household_id: "mine", seq: 1 },
      { household_id: "theirs", seq: 0 },
    ]);
  });

  test("has no other statement", () => {
    expect(declaredStatements(STATEMENT_FILES.relay)).toEqual([
      "relay.claim_position",
      "relay.find_lagging",
      "relay.move_positions",
      "relay.read_after",
      "relay.set_position",
      "search_projector.lagging",
    ]);
  });
});

test("every statement of the store is tried in the name of another household by somebody (I5)", () => {
  expect(filesWithStatements()).toEqual(Object.values(STATEMENT_FILES).flat().sort());
});
