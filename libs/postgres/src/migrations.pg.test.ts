import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../test/support/test-database.ts";
import { migrate, requireSchema, schemaVersion } from "./migrations.ts";

let database: TestDatabase;
let directory: string;

beforeEach(async () => {
  database = await createTestDatabase();
  directory = mkdtempSync(join(tmpdir(), "migrations-"));
});

afterEach(async () => {
  await database[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

const write = (file: string, sql: string) => writeFileSync(join(directory, file), sql);
const run = () => migrate({ url: database.url, directory, log: silentLogger() });

describe("migrate", () => {
  test("applies each file once, in order, and says which", async () => {
    write("0001-homes.sql", "CREATE TABLE homes (id int PRIMARY KEY); INSERT INTO homes VALUES (1);");
    write("0002-names.sql", "ALTER TABLE homes ADD name text; UPDATE homes SET name = 'first';");
    expect(await run()).toEqual({ version: 2, applied: ["0001-homes.sql", "0002-names.sql"] });
    expect(await run()).toEqual({ version: 2, applied: [] });
    write("0003-more.sql", "INSERT INTO homes VALUES (2, 'second')");
    expect(await run()).toEqual({ version: 3, applied: ["0003-more.sql"] });
    expect(await database.sql("SELECT id, name FROM homes ORDER BY id")).toEqual([
      { id: 1, name: "first" },
      { id: 2, name: "second" },
    ]);
  });

  test("lets one of several processes work while the others wait and find nothing to do", async () => {
    write("0001-homes.sql", "CREATE TABLE homes (id int PRIMARY KEY); SELECT pg_sleep(0.2);");
    const reports = await Promise.all([run(), run(), run()]);
    expect(reports.map((report) => report.applied.length).sort()).toEqual([0, 0, 1]);
  });

  test("leaves nothing of a file that fails, and names it", async () => {
    write("0001-homes.sql", "CREATE TABLE homes (id int PRIMARY KEY)");
    write("0002-broken.sql", "CREATE TABLE rooms (id int); SELECT nonsense;");
    await expect(run()).rejects.toMatchObject({
      kind: "internal",
      message: expect.stringContaining("0002-broken.sql"),
    });
    expect(await database.sql("SELECT to_regclass('rooms') AS rooms")).toEqual([{ rooms: null }]);
    write("0002-broken.sql", "CREATE TABLE rooms (id int)");
    expect((await run()).version).toBe(2);
  });

  test("refuses when an applied file has changed", async () => {
    write("0001-homes.sql", "CREATE TABLE homes (id int)");
    await run();
    write("0001-homes.sql", "CREATE TABLE homes (id bigint)");
    await expect(run()).rejects.toMatchObject({ kind: "failed-precondition", reason: "MIGRATION_CHANGED" });
  });

  test("refuses when the database is newer than the code", async () => {
    write("0001-homes.sql", "CREATE TABLE homes (id int)");
    write("0002-rooms.sql", "CREATE TABLE rooms (id int)");
    await run();
    rmSync(join(directory, "0002-rooms.sql"));
    await expect(run()).rejects.toMatchObject({ kind: "failed-precondition", reason: "SCHEMA_TOO_NEW" });
  });

  test("refuses a gap in the numbers", async () => {
    write("0001-homes.sql", "SELECT 1");
    write("0003-rooms.sql", "SELECT 1");
    await expect(run()).rejects.toThrow("0003-rooms.sql must be named 0002-");
  });

  test("two databases of one cluster may create the same role at the same moment", async () => {
    const role = `role_${database.name}`;
    write(
      "0001-role.sql",
      `DO $$ BEGIN
         IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role}; END IF;
       END $$;
       GRANT pg_monitor TO ${role};
       SELECT pg_sleep(0.1);`,
    );
    const others = await Promise.all([createTestDatabase(), createTestDatabase(), createTestDatabase()]);
    try {
      const all = [database, ...others].map(({ url }) => migrate({ url, directory, log: silentLogger() }));
      expect(await Promise.all(all)).toHaveLength(4);
    } finally {
      await Promise.all(others.map((other) => other[Symbol.asyncDispose]()));
      await database.sql(`DROP ROLE ${role}`);
    }
  });

  test("says unavailable when there is no server", async () => {
    const nowhere = "postgres://nobody@127.0.0.1:1/none";
    const attempt = migrate({ url: nowhere, directory, log: silentLogger() });
    await expect(attempt).rejects.toMatchObject({ kind: "unavailable" });
  });
});

describe("the schema version", () => {
  test("is 0 before the first migration and then the last file's number, for roles that own nothing too", async () => {
    const role = `reader_${database.name}`;
    await database.sql(`CREATE ROLE ${role}`);
    const pool = database.open({ role });
    expect(await schemaVersion(pool)).toBe(0);
    write("0001-homes.sql", "SELECT 1");
    await expect(requireSchema(pool, directory)).rejects.toMatchObject({ reason: "SCHEMA_TOO_OLD" });
    await run();
    expect(await schemaVersion(pool)).toBe(1);
    await requireSchema(pool, directory);
    await pool[Symbol.asyncDispose]();
    await database.sql(`DROP ROLE ${role}`);
  });
});
