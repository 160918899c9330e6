import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";

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
    await expect(pg.push(changes), table).rejects.toMatchObject({ name: "DomainError" });
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
