import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import { command } from "../../test/run-command.ts";
import { SEED_START_US, SeededLog, seedId } from "../../test/seeded-log.ts";
import { PostgresGraph } from "../adapters/postgres-graph.ts";
import { PostgresHistory } from "../adapters/postgres-history.ts";
import { removeOldBodies } from "../adapters/remove-old-bodies.ts";

const [lamp, lock, disputed] = [1, 2, 3].map(seedId) as [
  ReturnType<typeof seedId>,
  ReturnType<typeof seedId>,
  ReturnType<typeof seedId>,
];
const HOUR_US = 3_600_000_000;
let database: TestDatabase;
let log: SeededLog;
/** Commit times: after the lamp's first change, and at the end. */
let middleUs: number;
let endUs: number;

/**
 * Seqs: 1 to 3 the lamp, 4 a version of it that lost, 5 and 6 the lock and its tombstone, 7 to 9 a record in dispute;
 * after the middle: 10 the lamp again.
 */
beforeEach(async () => {
  database = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  log = new SeededLog("h1");
  for (const level of [1, 2, 3]) log.entity(lamp, "device", { name: "Lamp", level });
  log.superseded(lamp, "device", { name: "Lost" });
  log.entity(lock, "device", { name: "Lock" });
  log.entity(lock, "device", null);
  const [base, server] = [1, 2].map((level) => log.entity(disputed, "device", { level }));
  const local = log.superseded(disputed, "device", { level: 9 });
  middleUs = log.nowUs;
  log.entity(lamp, "device", { name: "Lamp", level: 4 });
  endUs = log.nowUs;
  await log.write(database);
  await database.sql(
    `insert into conflicts (household_id, conflict_id, record_id, record_kind, type, local_version, server_version,
       base_version, strategy, decision, fields, local_author, local_device, opened_us)
     values ('h1', gen_random_uuid(), $1, 1, 2, $2, $3, $4, 4, 1, '[]', 'ada', 'seed', 1)`,
    [disputed, local.version, server?.version, base?.version],
  );
});
afterEach(() => database?.[Symbol.asyncDispose]());

const remove = (beforeUs: number, mode: "remove" | "count" = "remove", seqsAtOnce?: number) =>
  removeOldBodies({
    url: database.url,
    household: log.household,
    beforeUs,
    mode,
    ...(seqsAtOnce === undefined ? {} : { seqsAtOnce }),
  });

async function emptied(): Promise<number[]> {
  const rows = await database.sql<{ seq: string }>(
    "select seq from record_versions where household_id = 'h1' and body_removed and body is null order by seq",
  );
  return rows.map(({ seq }) => Number(seq));
}

const afterEverything = () => endUs + HOUR_US;

describe("retention", () => {
  test("removes what was replaced, lost or deleted, and nothing that is head, in dispute, or a tombstone", async () => {
    const before = await database.sql<{ count: string }>("select count(*) from record_versions");
    const report = await remove(afterEverything());
    expect(await emptied()).toEqual([1, 2, 3, 4, 5]);
    expect(report).toEqual({ versions: 5, bytes: expect.any(Number) });
    expect(report.bytes).toBeGreaterThan(100);
    expect(await database.sql("select count(*) from record_versions")).toEqual(before);
    expect(await remove(afterEverything())).toEqual({ versions: 0, bytes: 0 });
  });

  test("keeps what still counted at that time, so that reads as of any later time stay whole", async () => {
    await remove(middleUs + 1);
    expect(await emptied()).toEqual([1, 2, 4, 5]);
    const graph = new PostgresGraph(database.open({ role: "funkygibbon_app" }));
    const bodies = (at: number) =>
      graph.snapshot({ household: log.household, at }, async (snapshot) => {
        const found = await snapshot.entities([lamp]);
        return [...found.values()].map(({ bodyJson, bodyRemoved }) => [bodyJson, bodyRemoved]);
      });
    expect(await bodies(middleUs)).toEqual([['{"name":"Lamp","level":3}', false]]);
    expect(await bodies(endUs)).toEqual([['{"name":"Lamp","level":4}', false]]);
    expect(await bodies(SEED_START_US + 1_000_000)).toEqual([["", true]]);
  });

  test("keeps the rows: history goes on saying who, when and which", async () => {
    await remove(afterEverything());
    const history = new PostgresHistory(database.open({ role: "funkygibbon_app" }));
    const items = await history.history({
      household: log.household,
      record: lamp,
      kind: "entity",
      beforeSeq: undefined,
      at: undefined,
      limit: 10,
    });
    expect(items.map(({ version }) => [version.seq, version.bodyRemoved, version.author])).toEqual([
      [10, false, "ada"],
      [4, true, "ada"],
      [3, true, "ada"],
      [2, true, "ada"],
      [1, true, "ada"],
    ]);
  });

  test("keeps a resend a resend, and a device that was away for long is never too old", async () => {
    const pg = new PgLog(database);
    const phone = new TestDevice("phone");
    const create = phone.edit(recordId(1), { name: "Lamp", on: false });
    const update = phone.edit(recordId(1), { name: "Lamp", on: true }, { parents: [create.version] });
    const gone = phone.remove(recordId(1), [update.version]);
    const first = await pg.push([create, update]);
    await pg.push([gone]);
    const back = phone.edit(recordId(1), { name: "Lamp", on: true }, { parents: [gone.version] });
    await pg.push([back]);
    const { versions } = await removeOldBodies({
      url: database.url,
      household: "home",
      beforeUs: Date.now() * 1_000 + HOUR_US,
      mode: "remove",
    });
    expect(versions).toBe(2);

    const { outcomes, position } = await pg.push([create, update, gone]);
    expect(outcomes.map((outcome) => [outcome?.outcome, outcome?.duplicate])).toEqual([
      ["applied", true],
      ["applied", true],
      ["applied", true],
    ]);
    expect(position.headSeq).toBe(first.position.headSeq + 2);
    phone.sequence -= 1;
    const forged = phone.edit(recordId(1), { name: "Forged" }, { parents: [gone.version] });
    expect((await pg.push([forged])).outcomes).toMatchObject([{ rejection: { reason: "VERSION_REUSED" } }]);

    // What it builds on has lost its body, and still says by its stamps who set which key.
    const late = new TestDevice("panel").edit(recordId(1), { name: "Lamp", on: 1 }, { parents: [update.version] });
    const [divergence] = (await pg.push([late])).divergences;
    expect(divergence?.base).toMatchObject({ version: update.version, bodyRemoved: true, content: { body: null } });
    expect(divergence?.base?.stamps).toMatchObject([{ stamp: { device: "phone", sequence: 1 }, keys: ["name"] }]);
    expect(divergence?.server.version).toBe(back.version);
  });

  test("leaves what it took unrestorable, and says so", async () => {
    const pg = new PgLog(database);
    const phone = new TestDevice("phone");
    const create = phone.edit(recordId(1), { name: "Lamp" });
    await pg.push([create]);
    await pg.push([phone.edit(recordId(1), { name: "Other" }, { parents: [create.version] })]);
    await removeOldBodies({
      url: database.url,
      household: "home",
      beforeUs: Date.now() * 1_000 + HOUR_US,
      mode: "remove",
    });
    const restore = { kind: "restore", record: recordId(1) as never, recordKind: "entity", expected: "any" } as const;
    await expect(pg.api({ ...restore, version: create.version as never })).rejects.toMatchObject({
      kind: "failed-precondition",
      reason: "BODY_REMOVED",
    });
  });

  test("leaves a household that is exported and imported as it is", async () => {
    await remove(afterEverything());
    const exported = await command(["export", "--household", "h1"], { url: database.url });
    const imported = await command(["import", "--household", "h2"], { url: database.url, stdin: exported.stdout });
    expect([exported.code, imported.code, imported.stderr]).toEqual([0, 0, ""]);
    const rows = (household: string) =>
      database.sql("select seq, body, body_removed, stamps from record_versions where household_id = $1 order by seq", [
        household,
      ]);
    expect(await rows("h2")).toEqual(await rows("h1"));
  });

  test("lets go of a conflict's versions once it is settled", async () => {
    await database.sql("update conflicts set settled_us = 2");
    await remove(afterEverything());
    expect(await emptied()).toEqual([1, 2, 3, 4, 5, 7, 9]);
  });

  test("goes through the log in stretches, and counts the same without touching it", async () => {
    const counted = await remove(afterEverything(), "count", 3);
    expect(await emptied()).toEqual([]);
    expect(await remove(afterEverything(), "remove", 3)).toEqual(counted);
    expect(await emptied()).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("entity-store retention", () => {
  const run = (...args: string[]) => command(["retention", ...args], { url: database.url });
  /** As if everything had been committed so many days ago. */
  const age = (days: number) =>
    database.sql("update record_versions set committed_us = $1::bigint + seq", [
      Date.now() * 1_000 - days * 24 * HOUR_US - 1_000_000,
    ]);

  test("goes by age, for all households or one", async () => {
    await age(80);
    expect(await run("--older-than", "90d")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"versions":0'),
    });
    expect(await run("--older-than", "70d", "--dry-run")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"versions":5'),
    });
    expect(await emptied()).toEqual([]);
    expect(await run("--older-than", "1680h", "--household", "h1")).toMatchObject({ code: 0, stderr: "" });
    expect(await emptied()).toEqual([1, 2, 3, 4, 5]);
  });

  test("refuses what is no age and no household", async () => {
    for (const wrong of ["90", "0d", "-1d", "90m", ""]) {
      expect(await run(`--older-than=${wrong}`)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("--older-than"),
      });
    }
    expect(await run("--older-than", "1d", "--household", "h2")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("household h2 not found"),
    });
  });
});
