import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Resolution } from "@funkygibbon/kernel/record";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog, pushJob } from "../../test/pg-log.ts";
import type { DevicePush } from "../domain/commit-job.ts";

let pg: PgLog;
beforeAll(async () => {
  pg = await PgLog.open();
});
afterAll(() => pg[Symbol.asyncDispose]());

test("a push is one transaction: a fault at any of its rows leaves nothing of it, and the same push succeeds later", async () => {
  const phone = new TestDevice("phone");
  const before = phone.edit(recordId(1), { name: "Before" });
  await pg.push([before]);
  const counts = () => pg.test.sql(COUNTS);
  const [standing] = await counts();
  const changes = [
    phone.edit(recordId(1), { name: "After" }, { parents: [before.version] }),
    ...Array.from({ length: 60 }, (_, n) => phone.edit(recordId(n + 2), { n })),
  ];

  for (const table of ["record_versions", "heads", "households"]) {
    await pg.test.sql(`create function refuse_${table}() returns trigger language plpgsql as
      $$ begin raise exception 'the disk of a test is full' using errcode = 'disk_full'; end $$`);
    await pg.test.sql(`create trigger refuse after insert or update on ${table} for each row ${WHEN[table] ?? ""}
      execute function refuse_${table}()`);
    await expect(pg.push(changes), table).rejects.toMatchObject({
      kind: "unavailable",
      retryAfterMs: expect.any(Number),
    });
    await pg.test.sql(`drop trigger refuse on ${table}`);
    expect(await counts(), table).toEqual([standing]);
  }

  const { outcomes } = await pg.push(changes);
  expect(new Set(outcomesOf({ outcomes }))).toEqual(new Set(["applied"]));
  expect(outcomes.some((outcome) => outcome?.duplicate)).toBe(false);
  expect((await pg.reads.position("home" as HouseholdId)).headSeq).toBe(1 + changes.length);
});

/** The fault comes late, when most rows are written already. */
const WHEN: Record<string, string> = { record_versions: "when (new.sequence = 50)" };

const COUNTS = `select
  (select count(*) from record_versions) as versions,
  (select count(*) from heads) as heads,
  (select array_agg(array[head_seq::text, digest::text]) from households) as standing`;

describe("what cannot even be sent to PostgreSQL", () => {
  /** Past every check: what no parameter can hold. */
  function unsendable(job: DevicePush): DevicePush {
    const changes = job.changes.map((prepared) =>
      prepared.kind === "valid" ? { ...prepared, change: { ...prepared.change, claimedUs: 2 ** 60 } } : prepared,
    );
    return { ...job, changes };
  }

  test("is refused and never acknowledged, alone and in a group, planned from memory or not", async () => {
    const homes = ["a", "b", "c", "d", "e", "f"];
    const devices = homes.map(() => new TestDevice("phone"));
    for (const known of [false, true]) {
      const jobs = await Promise.all(
        homes.map(async (household, n) => {
          const changes = [(devices[n] ?? new TestDevice("x")).edit(recordId(known ? 2 : 1), {})];
          const job = pushJob(changes, { household, epoch: await pg.epoch(household) });
          return n % 2 === 0 ? job : unsendable(job);
        }),
      );
      const results = await Promise.allSettled(jobs.map((job) => pg.log.commit(job)));
      expect(results.map(({ status }) => status)).toEqual(
        homes.map((_, n) => (n % 2 === 0 ? "fulfilled" : "rejected")),
      );
    }
    const rows = await pg.test.sql<{ household_id: string; count: string }>(
      "select household_id, count(*) from record_versions where household_id = any ($1) group by 1 order by 1",
      [homes],
    );
    expect(rows.map(({ household_id, count }) => [household_id, Number(count)])).toEqual([
      ["a", 2],
      ["c", 2],
      ["e", 2],
    ]);
  });

  test("takes nothing of its commit along: no versions without the conflict that they wrote", async () => {
    const household = "halves";
    const phone = new TestDevice("phone");
    const panel = new TestDevice("panel");
    const base = phone.edit(recordId(1), { a: 1 });
    await pg.push([base], { household });
    await pg.push([panel.edit(recordId(1), { a: 2 }, { parents: [base.version] })], { household });
    const local = phone.edit(recordId(1), { a: 3 }, { parents: [base.version] });
    const [divergence] = (await pg.push([local], { household })).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    const resolution = {
      record: divergence.local.record,
      localVersion: divergence.local.version,
      localTimes: divergence.localTimes,
      serverVersion: divergence.server.version,
      decision: { kind: "keep_head" },
      // No JSON can hold it.
      conflict: { type: "content_conflict", strategy: "merge", decision: "kept_server", fields: [{ field: 1n }] },
    } as unknown as Resolution;
    await expect(pg.push([local], { household, resolutions: [resolution] })).rejects.toThrow();
    expect(await pg.reads.position(household as HouseholdId)).toMatchObject({ headSeq: 2 });
  });
});
