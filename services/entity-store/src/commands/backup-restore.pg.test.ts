import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import { command } from "../../test/run-command.ts";
import { PostgresHouseholds } from "../adapters/postgres-households.ts";

const TABLES = ["record_versions", "heads", "conflicts", "policies", "request_ids", "relay_positions", "search"];
const phone = new TestDevice("phone");
const first = phone.edit(recordId(1), { name: 'Lamp "1", (a\\b)\n{c} \u0000 ü 🏠', n: 1e21 });
let folder: string;
let file: string;
let pg: PgLog;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "backup-"));
  file = join(folder, "all.backup");
  pg = await PgLog.open();
  await pg.push([first]);
  await pg.push([
    phone.edit(recordId(2), { name: "" }),
    phone.connect(recordId(3), { from: recordId(2), to: recordId(1), type: "part_of" }),
  ]);
  // More than one batch, and another household.
  const many = Array.from({ length: 600 }, (_none, n) =>
    phone.edit(recordId(100 + n), { n, filler: "x".repeat(3_000) }),
  );
  await pg.push(many, { household: "other" });
  const request = { id: "r-1", fingerprint: "f" };
  await pg.api({ kind: "delete", record: recordId(1) as never, recordKind: "entity", expected: "any" }, { request });
  await pg.test.sql("insert into policies values ('home', 0, null, '{}', 1, 'ada')");
  await pg.test.sql(
    "insert into search values ('home', $1, 1, 3, 'lamp', 'a b:2 ''q'''::tsvector, '{a=1,\"b=\\\"\"}')",
    [recordId(1)],
  );
  expect(await command(["backup", "--out", file], { url: pg.test.url })).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await pg?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const emptyDatabase = () => createTestDatabase({ migrations: "services/entity-store/migrations" });
const restore = (database: TestDatabase, ...options: string[]) =>
  command(["restore", "--in", file, ...options], { url: database.url });

const contents = (database: TestDatabase) =>
  Promise.all(
    TABLES.map((table) =>
      database.sql(`select md5(string_agg(t::text, '|' order by t::text)), count(*) from ${table} t`),
    ),
  );
const clocksOf = (database: TestDatabase) =>
  database.sql("select household_id, device_id, highest_sequence, newest_version from devices order by 1, 2");
const standing = (database: TestDatabase) =>
  database.sql<{ epoch: string }>(
    "select household_id, epoch, head_seq, digest, committed_us from households order by 1",
  );

describe("restore", () => {
  test("brings back every row of the backup, with new epochs, and says what is not healed", async () => {
    await using target = await emptyDatabase();
    const { code, stderr } = await restore(target);
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining("conflicts and policies made since the backup are not healed"),
    ]);
    expect(await contents(target)).toEqual(await contents(pg.test));
    expect(await clocksOf(target)).toEqual(await clocksOf(pg.test));
    const [was, is] = await Promise.all([standing(pg.test), standing(target)]);
    const without = (rows: typeof was) => rows.map(({ epoch: _epoch, ...rest }) => rest);
    expect(without(is)).toEqual(without(was));
    expect(is.map(({ epoch }) => epoch)).not.toContain(was[0]?.epoch);
    await expect(
      target.sql("select session_key_hash from devices where session_key_hash is not null"),
    ).resolves.toEqual([]);
  });

  test("leaves a log that goes on", async () => {
    await using target = await emptyDatabase();
    await restore(target);
    const log = new PgLog(target);
    const result = await log.push([first, phone.edit(recordId(8), {})]);
    expect(outcomesOf(result)).toEqual(["applied", "applied"]);
    expect(result.outcomes[0]).toMatchObject({ duplicate: true });
  });

  test("replaces what a database holds only with --force, and then in one go", async () => {
    await using target = await emptyDatabase();
    await new PgLog(target).push([new TestDevice("panel").edit(recordId(5), { kept: true })], { household: "mine" });
    const before = await contents(target);
    expect(await restore(target)).toMatchObject({ code: 1, stderr: expect.stringContaining("has rows") });
    expect(await contents(target)).toEqual(before);
    expect(await restore(target, "--force")).toMatchObject({ code: 0 });
    expect(await contents(target)).toEqual(await contents(pg.test));
    expect((await standing(target)).length).toBe(2);
  });

  test("is of one moment, although commits went on during the backup", async () => {
    await using busy = await PgLog.open();
    const households = ["one", "two", "three"];
    await Promise.all(households.map((household) => busy.epoch(household)));
    let writing = true;
    const writers = households.map(async (household) => {
      const device = new TestDevice("phone");
      for (let n = 1; writing; n++) {
        const box = device.edit(recordId(n), {});
        const edge = device.connect(recordId(100_000 + n), { type: "part_of", from: recordId(n), to: recordId(1) });
        await busy.push(n === 1 ? [box] : [box, edge], { household });
      }
    });
    const archive = join(folder, "busy.backup");
    for (let round = 0; round < 3; round++) {
      expect(await command(["backup", "--out", archive], { url: busy.test.url })).toMatchObject({ code: 0 });
    }
    writing = false;
    await Promise.all(writers);
    await using target = await emptyDatabase();
    expect(await command(["restore", "--in", archive], { url: target.url })).toMatchObject({ code: 0 });
    const restored = new PostgresHouseholds(target.open({ role: "funkygibbon_app" }));
    for (const household of households) {
      const { faults, checkedRecords } = await restored.checkIntegrity(household as HouseholdId);
      expect(faults).toEqual([]);
      // Each commit but the first wrote a box with its edge: neither is there without the other.
      expect(checkedRecords % 2).toBe(1);
    }
  });

  test("refuses another schema version", async () => {
    await using target = await emptyDatabase();
    await target.sql("insert into schema_migrations (version, file, checksum) values (99, 'later', '')");
    expect(await restore(target)).toMatchObject({ code: 1, stderr: expect.stringContaining("the database of 99") });
    await target.sql("delete from schema_migrations where version = 99");
    await target.sql("alter table policies add later text");
    expect(await restore(target)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("not those of the archive"),
    });
  });
});

describe("an archive that is damaged", () => {
  const plain = () => gunzipSync(readFileSync(file));
  const flipped = (bytes: Buffer, at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };

  test.each<[string, () => Buffer]>([
    ["cut in the middle", () => readFileSync(file).subarray(0, 2_000)],
    ["cut at its end", () => readFileSync(file).subarray(0, -1)],
    ["a bit of the file flipped", () => flipped(readFileSync(file), 3_000)],
    ["a bit of a row flipped", () => gzipSync(flipped(plain(), plain().length - 2_000))],
    ["a bit of the hash flipped", () => gzipSync(flipped(plain(), plain().length - 1))],
    ["without its hash", () => gzipSync(plain().subarray(0, -32))],
    ["with something behind it", () => gzipSync(Buffer.concat([plain(), Buffer.from("x")]))],
    [
      "a later format",
      () =>
        gzipSync(Buffer.from(plain().toString("latin1").replace('"formatVersion":1', '"formatVersion":2'), "latin1")),
    ],
    ["no archive at all", () => randomBytes(500)],
    ["empty", () => Buffer.alloc(0)],
  ])("is refused before anything is touched: %s", async (_name, bytes) => {
    const broken = join(folder, "broken.backup");
    writeFileSync(broken, bytes());
    const before = await contents(pg.test);
    const result = await command(["restore", "--in", broken, "--force"], { url: pg.test.url });
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("the archive cannot be used") });
    expect(await contents(pg.test)).toEqual(before);
  });

  test("or missing is said so", async () => {
    const result = await command(["restore", "--in", join(folder, "nowhere")], { url: pg.test.url });
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining("ENOENT") });
  });
});

describe("backup", () => {
  test("leaves no half file behind, and an older backup as it was, when it fails", async () => {
    const url = new URL(pg.test.url);
    url.searchParams.set("options", "-c role=funkygibbon_app");
    const before = readFileSync(file);
    const failed = await command(["backup", "--out", file], { url: url.href });
    expect(failed.code).toBe(1);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(existsSync(file) && readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
  });
});
