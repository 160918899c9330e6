import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import type { CommitNotice } from "../domain/commit-notice.ts";
import type { GroupReport } from "./postgres-change-log.ts";

let pg: PgLog;
let groups: GroupReport[] = [];
let notices: CommitNotice[] = [];
let households = 0;
beforeAll(async () => {
  pg = await PgLog.open({ onGroup: (group) => groups.push(group), onCommit: (notice) => notices.push(notice) });
});
afterAll(() => pg[Symbol.asyncDispose]());
beforeEach(() => {
  groups = [];
  notices = [];
});

/** A household whose log this process remembers: the phone has pushed once. */
async function setUp() {
  const household = `home-${++households}`;
  const phone = new TestDevice("phone");
  const push: PgLog["push"] = (changes, options) => pg.push(changes, { household, ...options });
  const first = phone.edit(recordId(1), { name: "First" });
  await push([first]);
  groups = [];
  notices = [];
  const versions = () =>
    pg.test.sql<{ seq: string; record_id: string; version: string; outcome: number }>(
      `select seq, record_id, version, outcome from record_versions where household_id = '${household}' order by seq`,
    );
  return { household, phone, push, first, versions };
}

const created = (phone: TestDevice, from: number, count: number) =>
  Array.from({ length: count }, (_, index) => phone.edit(recordId(from + index), { n: from + index }));

describe("a push of new records, planned from memory", () => {
  test("is one transaction without a reading before it, and reads back like any other", async () => {
    const { household, phone, push, versions } = await setUp();
    const result = await push(created(phone, 2, 3));
    expect(outcomesOf(result)).toEqual(["applied", "applied", "applied"]);
    expect(groups).toMatchObject([{ jobs: 1, versions: 3, outcome: "committed" }]);
    expect(result.position).toEqual(await pg.reads.position(household as HouseholdId));
    expect((await versions()).map(({ seq }) => Number(seq))).toEqual([1, 2, 3, 4]);
    await expect(pg.replica().push([phone.edit(recordId(2), { n: 0 })], { household })).resolves.toMatchObject({
      divergences: [{ server: { version: result.outcomes[0]?.version } }],
    });
  });

  test("pushes that come at once are committed, answered and told in their order", async () => {
    const { phone, push, versions } = await setUp();
    const pushes = Array.from({ length: 6 }, (_, n) => created(phone, 100 * (n + 1), 60));
    const answered: number[] = [];
    const results = await Promise.all(
      pushes.map(async (changes, index) => {
        const result = await push(changes);
        answered.push(index);
        return result;
      }),
    );
    expect(answered).toEqual([0, 1, 2, 3, 4, 5]);
    expect(results.map(({ firstSeq, lastSeq }) => [firstSeq, lastSeq])).toEqual(
      pushes.map((_, n) => [2 + 60 * n, 61 + 60 * n]),
    );
    expect(notices.map(({ firstSeq }) => firstSeq)).toEqual(pushes.map((_, n) => 2 + 60 * n));
    expect(await versions()).toHaveLength(361);
  });

  test("whose household somebody else has written to meanwhile is planned anew, on what is there", async () => {
    const { household, phone, push, versions } = await setUp();
    const panel = new TestDevice("panel");
    await pg.replica().push([panel.edit(recordId(2), { from: "panel" })], { household });
    const { outcomes, divergences } = await push([phone.edit(recordId(2), { n: 2 }), phone.edit(recordId(3), {})]);
    expect(groups.map(({ outcome }) => outcome)).toEqual(["disproved", "committed"]);
    expect(outcomes.map((outcome) => outcome?.outcome)).toEqual([undefined, "applied"]);
    expect(divergences).toMatchObject([{ server: { device: "panel" } }]);
    expect((await versions()).map(({ record_id }) => record_id)).toEqual([1, 2, 3].map(recordId));
  });

  test("of a record that is there already diverges, though nobody has written meanwhile", async () => {
    const { phone, push } = await setUp();
    const { divergences } = await push([phone.edit(recordId(1), { name: "Again" }), ...created(phone, 2, 60)]);
    expect(groups.map(({ outcome }) => outcome)).toEqual(["disproved", "committed"]);
    expect(divergences).toHaveLength(1);
  });

  test("with an edge that is refused is asked about: only what becomes head is proven to be new", async () => {
    const { phone, push, versions } = await setUp();
    const box = phone.edit(recordId(2), {});
    // Bears the id of an entity, and would close a cycle on its own.
    const edge = phone.connect(recordId(1), { type: "part_of", from: recordId(2), to: recordId(2) });
    const { outcomes } = await push([box, edge]);
    expect(outcomes[1]).toMatchObject({ outcome: "rejected", rejection: { reason: "KIND_CHANGED" } });
    expect(await versions()).toHaveLength(2);
  });

  test("keeps its place before the pushes that were planned upon it, when it was planned wrongly", async () => {
    const { household, phone, push, versions } = await setUp();
    const panel = new TestDevice("panel");
    await pg.replica().push([panel.edit(recordId(2), { from: "panel" })], { household });
    const pushes = Array.from({ length: 5 }, (_, n) => created(phone, 100 * (n + 1), 60));
    const results = await Promise.all(pushes.map((changes) => push(changes)));
    expect(results.map(({ firstSeq }) => firstSeq)).toEqual([3, 63, 123, 183, 243]);
    expect((await versions()).slice(2).map(({ version }) => version)).toEqual(
      pushes.flat().map(({ version }) => version),
    );
  });

  test("sent again is a duplicate, however much of it memory knows", async () => {
    const { phone, push } = await setUp();
    const changes = created(phone, 2, 2);
    const first = await push(changes);
    const again = await push([...changes, phone.edit(recordId(9), {})]);
    expect(again.outcomes.map((outcome) => outcome?.duplicate)).toEqual([true, true, false]);
    expect(again.firstSeq).toBe(first.lastSeq + 1);
  });

  test("under an epoch that has been renewed meanwhile is refused", async () => {
    const { household, phone, push, versions } = await setUp();
    await pg.test.sql(`update households set epoch = gen_random_uuid() where household_id = '${household}'`);
    await expect(push(created(phone, 2, 1))).rejects.toMatchObject({ reason: "EPOCH_CHANGED" });
    expect(await versions()).toHaveLength(1);
  });

  test("bounds the times of its edits by the device's earlier ones", async () => {
    const { household, phone, push } = await setUp();
    await push([phone.edit(recordId(2), {}, { atUs: 1_795_000_000_000_000 })]);
    await push([phone.edit(recordId(3), {}, { atUs: 1_000_000 })]);
    const rows = await pg.test.sql<{ effective_us: string }>(
      `select effective_us from record_versions where household_id = '${household}' and seq > 1 order by seq`,
    );
    expect(rows[0]?.effective_us).toBe(rows[1]?.effective_us);
  });

  test("takes edges between its own new records along, and asks the log about all others", async () => {
    const { phone, push } = await setUp();
    const room = phone.edit(recordId(2), {}, { type: "room" });
    const lamp = phone.edit(recordId(3), {});
    const inside = phone.connect(recordId(4), { from: recordId(3), to: recordId(2) });
    expect(outcomesOf(await push([inside, lamp, room]))).toEqual(["applied", "applied", "applied"]);
    expect(groups).toMatchObject([{ jobs: 1, versions: 3, outcome: "committed" }]);
    const elsewhere = phone.connect(recordId(5), { from: recordId(1), to: recordId(2) });
    const nowhere = phone.connect(recordId(6), { from: recordId(1), to: recordId(99) });
    expect(outcomesOf(await push([elsewhere, nowhere]))).toEqual(["applied", "deferred"]);
  });

  test("shares a transaction with those of other households, and leaves a locked one behind", async () => {
    const homes = await Promise.all(Array.from({ length: 3 }, setUp));
    const [locked] = homes;
    if (locked === undefined) throw new Error("there are three homes");
    groups = [];
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    const other = pg.database.inTransaction({ households: [locked.household as HouseholdId] }, async (tx) => {
      await tx.query({ name: "test.lock", text: "select 1 from households where household_id = $1 for update" }, [
        locked.household,
      ]);
      hold();
      await released;
    });
    await held;
    // The first one holds no lock that the others want; all further ones wait for a lane and go together.
    const answered: string[] = [];
    const pushes = homes.map(async ({ household, phone, push }) => {
      await push(created(phone, 2, 1));
      answered.push(household);
    });
    await Promise.all(pushes.slice(1));
    expect(answered).not.toContain(locked.household);
    release();
    await Promise.all([other, ...pushes]);
  });
});
