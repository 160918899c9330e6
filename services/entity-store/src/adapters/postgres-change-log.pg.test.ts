import { setTimeout as sleep } from "node:timers/promises";
import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { Divergence, Resolution } from "@funkygibbon/kernel/record";
import { openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog, pushJob } from "../../test/pg-log.ts";
import type { GroupReport } from "./postgres-change-log.ts";

let pg: PgLog;
let households = 0;
const groups: GroupReport[] = [];

beforeAll(async () => {
  pg = await PgLog.open({ onGroup: (group) => groups.push(group) });
});
afterAll(() => pg[Symbol.asyncDispose]());

/** A household of this test's own, with helpers bound to it. */
function setUp() {
  const household = `home-${++households}`;
  const phone = new TestDevice("phone");
  const panel = new TestDevice("panel");
  const push: PgLog["push"] = (changes, options) => pg.push(changes, { household, ...options });
  const heads = async () =>
    (
      await pg.reads.page({
        household: household as HouseholdId,
        afterSeq: 0,
        untilSeq: undefined,
        limit: 1_000,
        maxBytes: 1_000_000,
        skipTombstonesToSeq: 0,
      })
    ).versions;
  return { household, phone, panel, push, heads };
}

function merged({ local, localTimes, server }: Divergence, bodyJson: string): Resolution {
  return {
    record: local.record,
    localVersion: local.version,
    localTimes,
    serverVersion: server.version,
    decision: { kind: "merged", content: { bodyJson, ends: "local", deleted: false, stamps: [] } },
    conflict: {
      type: "content_conflict",
      strategy: "merge",
      decision: "merged",
      fields: [
        {
          field: "a",
          localJson: "1",
          serverJson: '"\\u0000"',
          baseJson: undefined,
          decidedJson: "1",
          rule: "last-write-wins",
        },
      ],
    },
  };
}

describe("a push on PostgreSQL", () => {
  test("is read back as it was sent, byte by byte", async () => {
    const { phone, push, heads } = setUp();
    const odd = { text: '\u0000 "quoted" \\ ünïcödé 🦧', nested: { n: [1e-7, 1e21, -0] }, empty: {} };
    const change = phone.edit(recordId(1), odd);
    expect(outcomesOf(await push([change]))).toEqual(["applied"]);
    const [head] = await heads();
    expect(head?.content.value).toMatchObject({ bodyJson: change.content?.bodyJson });
    expect(head).toMatchObject({ version: change.version, seq: 1n, author: "ada", deviceId: "phone", sequence: 1n });
  });

  test("I3: sent again, also to another process, gets the first outcomes and changes nothing", async () => {
    const { household, phone, push } = setUp();
    const a = phone.edit(recordId(1), { v: 1 });
    const b = phone.edit(recordId(1), { v: 2 }, { parents: [a.version] });
    const first = await push([a, b]);
    const again = await pg.replica().push([b, a], { household });
    expect(again.outcomes.map((outcome) => [outcome?.outcome, outcome?.duplicate, outcome?.headSeq])).toEqual([
      ["applied", true, 2],
      ["applied", true, 2],
    ]);
    expect(again.position).toEqual(first.position);
  });

  test("with a sequence that names another edit is VERSION_REUSED", async () => {
    const { phone, push } = setUp();
    await push([phone.edit(recordId(1), { v: 1 })]);
    phone.sequence = 0;
    const { outcomes } = await push([phone.edit(recordId(1), { v: 2 })]);
    expect(outcomes[0]?.rejection?.reason).toBe("VERSION_REUSED");
  });

  test("keeps stamps, parents and times through updates, divergence and merge", async () => {
    const { phone, panel, push, heads } = setUp();
    const base = phone.edit(recordId(1), { a: 1, b: 1 });
    const head = panel.edit(recordId(1), { a: 2, b: 1 }, { parents: [base.version] });
    await push([base]);
    await push([head]);
    const local = phone.edit(recordId(1), { a: 1, b: 2 }, { parents: [base.version] });
    const [divergence] = (await push([local])).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    expect(divergence.base?.version).toBe(base.version);
    expect(divergence.server.content.body).toEqual({ a: 2, b: 1 });
    const result = await push([local], { resolutions: [merged(divergence, '{"a":2,"b":2}')] });
    expect(outcomesOf(result)).toEqual(["merged"]);
    expect(result.conflicts).toMatchObject([{ decision: "merged", baseVersion: base.version }]);
    const [now] = await heads();
    expect(now?.parentVersions).toEqual([head.version, local.version]);
    expect(now?.stamps.map(({ stamp, keys }) => [stamp?.deviceId, keys])).toEqual([
      ["panel", ["a"]],
      ["phone", ["b"]],
    ]);
  });

  test("defers edges without ends, takes edges with deleted ends away and brings them back", async () => {
    const { phone, push, heads } = setUp();
    const [room, lamp, edge] = [recordId(1), recordId(2), recordId(3)];
    const located = phone.connect(edge, { from: lamp, to: room, body: { since: 2020 } });
    expect(outcomesOf(await push([located]))).toEqual(["deferred"]);
    const makeRoom = phone.edit(room, {}, { type: "room" });
    expect(outcomesOf(await push([located, phone.edit(lamp, {}), makeRoom]))).toEqual([
      "applied",
      "applied",
      "applied",
    ]);
    const gone = phone.remove(room, [makeRoom.version], { type: "room" });
    await push([gone]);
    expect((await heads()).find((head) => head.recordId === edge)).toMatchObject({ deleted: true, author: "server" });
    await push([phone.edit(room, {}, { type: "room", parents: [gone.version] })]);
    expect((await heads()).find((head) => head.recordId === edge)).toMatchObject({
      deleted: false,
      content: { value: { propertiesJson: '{"since":2020}' } },
    });
  });

  test("I11: refuses an edge that closes a cycle over edges of earlier pushes", async () => {
    const { phone, push } = setUp();
    const boxes = [1, 2, 3, 4].map(recordId);
    await push(boxes.map((box) => phone.edit(box, {})));
    const part = (n: number, from: number, to: number) =>
      phone.connect(recordId(n), { type: "part_of", from: recordId(from), to: recordId(to) });
    expect(outcomesOf(await push([part(11, 1, 2), part(12, 2, 3)]))).toEqual(["applied", "applied"]);
    expect(outcomesOf(await push([part(13, 3, 4), part(14, 4, 1)]))).toEqual(["applied", "superseded"]);
  });

  test("bounds the time of an edit that comes late by its neighbours in the log", async () => {
    const { phone, push, heads } = setUp();
    const first = phone.edit(recordId(1), {});
    const late = phone.edit(recordId(2), {}, { atUs: Date.now() * 1_000 - 1_000_000 });
    const third = phone.edit(recordId(3), {});
    await push([first, third]);
    await push([late]);
    const effective = new Map((await heads()).map((head) => [head.version, head.effectiveUs]));
    expect(effective.get(late.version)).toBe(effective.get(third.version));
  });

  test("of another epoch is refused, of an unknown household is NOT_FOUND", async () => {
    const { household, phone, push } = setUp();
    const change = phone.edit(recordId(1), {});
    await pg.epoch(household);
    await expect(push([change], { epoch: "0192f3b0-7c4e-7a10-8f2d-ffffffffffff" })).rejects.toMatchObject({
      reason: "EPOCH_CHANGED",
    });
    const job = pushJob([change], { household: "nobody", epoch: await pg.epoch(household) });
    await expect(pg.log.commit(job)).rejects.toMatchObject({ kind: "not-found" });
  });

  test("asks for a policy where the household has one", async () => {
    const { household, phone, panel, push } = setUp();
    const base = phone.edit(recordId(1), {});
    await push([base]);
    await push([panel.edit(recordId(1), { a: 1 }, { parents: [base.version] })]);
    await pg.test.sql(
      `insert into policies (household_id, entity_type, strategy, field_rules, changed_us, changed_by)
        values ($1, 0, 2, '{}', 0, 'ada'), ($1, 3, 4, '{"name":"longer"}', 0, 'ada')`,
      [household],
    );
    const local = phone.edit(recordId(1), { a: 2 }, { parents: [base.version] });
    const [divergence] = (await push([local])).divergences;
    expect(divergence?.policy).toEqual({
      entityType: "device",
      strategy: "manual",
      fieldRules: new Map([["name", "longer"]]),
    });
  });
});

describe("API writes and settlements on PostgreSQL", () => {
  test("remember a request with its result", async () => {
    const { household } = setUp();
    const action = {
      kind: "create",
      record: recordId(1) as RecordId,
      content: { kind: "entity", type: "note", body: { name: "n" } },
      source: "mcp",
    } as const;
    const changed = { household: household as HouseholdId, request: { id: "r-1", fingerprint: "f" } };
    const first = await pg.api(action, changed);
    const again = await pg.api(action, changed);
    expect(again).toMatchObject({ replayed: true, head: { version: first.head.version, origin: { tool: "edit" } } });
    await expect(pg.api(action, { ...changed, request: { id: "r-1", fingerprint: "g" } })).rejects.toMatchObject({
      reason: "REQUEST_ID_REUSED",
    });
    await pg.test.sql("update request_ids set created_us = 0 where household_id = $1", [household]);
    await expect(pg.api(action, changed)).rejects.toMatchObject({ kind: "already-exists" });
  });

  test("settle a conflict once, against the head as the person saw it", async () => {
    const { household, phone, panel, push, heads } = setUp();
    const base = phone.edit(recordId(1), { a: 1 });
    await push([base]);
    await push([panel.edit(recordId(1), { a: 2 }, { parents: [base.version] })]);
    const local = phone.edit(recordId(1), { a: 3 }, { parents: [base.version] });
    const [divergence] = (await push([local])).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    const pending = { ...merged(divergence, "{}"), decision: { kind: "pending" } } as const;
    const [row] = (await push([local], { resolutions: [pending] })).conflicts;
    if (row === undefined) throw new Error("must wait");
    const settlement = {
      kind: "settlement",
      household: household as HouseholdId,
      user: local.version as never,
      receivedUs: 0,
      conflictId: row.id,
      etag: row.etag,
      expectedHead: divergence.server.version,
      decision: "took_local",
      content: { bodyJson: '{"a":3}', ends: "local", deleted: false, stamps: [] },
      fields: [],
      origin: { channel: "api", clientName: "test", tool: "", callId: "call-1" },
      request: undefined,
      dryRun: false,
    } as const;
    const settled = await pg.log.commit(settlement);
    expect(settled.conflict).toMatchObject({ decision: "took_local", etag: "2", fields: row.fields });
    expect((await heads())[0]?.content.value).toMatchObject({ bodyJson: '{"a":3}' });
    await expect(pg.log.commit(settlement)).rejects.toMatchObject({ kind: "stale", details: { etag: "2" } });
  });
});

describe("I4: many writers", () => {
  test("of one household in two processes leave no gap, and no reader sees a seq before the one below it", async () => {
    const { household } = setUp();
    const other = pg.replica();
    await pg.epoch(household);
    let writing = true;
    const reader = (async () => {
      let reads = 0;
      while (writing) {
        const [row] = await pg.test.sql<{ top: string; count: string }>(
          "select coalesce(max(seq), 0) as top, count(*) as count from record_versions where household_id = $1",
          [household],
        );
        expect(row?.top).toBe(row?.count);
        reads += 1;
      }
      return reads;
    })();
    await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        const device = new TestDevice(`device-${n}`);
        for (let k = 0; k < 15; k++) {
          const side = k % 2 === 0 ? pg : other;
          await side.push([device.edit(recordId(1_000 * (n + 1) + k), { n, k })], { household });
        }
      }),
    );
    writing = false;
    expect(await reader).toBeGreaterThan(3);
    const position = await pg.reads.position(household as HouseholdId);
    expect(position.headSeq).toBe(120);
  });

  test("I11: of one household in two processes never close a cycle that neither would close alone", async () => {
    const { household, phone, panel, push } = setUp();
    const other = pg.replica();
    for (let n = 0; n < 8; n++) {
      const [box, part] = [recordId(10 * n), recordId(10 * n + 1)];
      await push([box, part].map((record) => phone.edit(record, {})));
      const there = phone.connect(recordId(1_000 + n), { type: "part_of", from: part, to: box });
      const back = panel.connect(recordId(2_000 + n), { type: "part_of", from: box, to: part });
      const results = await Promise.all([push([there]), other.push([back], { household })]);
      expect(results.flatMap(outcomesOf).sort()).toEqual(["applied", "superseded"]);
    }
  });

  test("of many households share transactions", async () => {
    const homes = Array.from({ length: 40 }, () => setUp());
    for (const home of homes) await pg.epoch(home.household);
    groups.length = 0;
    await Promise.all(homes.map(({ push, phone }) => push([phone.edit(recordId(1), {})])));
    expect(groups.reduce((sum, group) => sum + group.versions, 0)).toBe(40);
    expect(groups.length).toBeLessThan(20);
  });

  test("are not sunk by one bad job of their group", async () => {
    const homes = Array.from({ length: 12 }, () => setUp());
    const jobs = await Promise.all(
      homes.map(async ({ household, phone }, n) => {
        const job = pushJob([phone.edit(recordId(1), {})], { household, epoch: await pg.epoch(household) });
        if (n !== 5) return job;
        // Past every check: a text that PostgreSQL cannot hold.
        const [bad] = job.changes;
        if (bad?.kind !== "valid") throw new Error("valid up to here");
        return { ...job, changes: [{ ...bad, change: { ...bad.change, bodyText: "\u0000" } }] };
      }),
    );
    const results = await Promise.allSettled(jobs.map((job) => pg.log.commit(job)));
    expect(results.map((result) => result.status)).toEqual(jobs.map((_, n) => (n === 5 ? "rejected" : "fulfilled")));
    expect(await pg.reads.position(homes[5]?.household as HouseholdId)).toMatchObject({ headSeq: 0, committedUs: 0 });
  });

  test("do not wait for a household that somebody else has locked", async () => {
    const [locked, free] = [setUp(), setUp()];
    for (const home of [locked, free]) await pg.epoch(home.household);
    const release = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const holder = pg.database.inTransaction({ households: [locked.household as HouseholdId] }, async (tx) => {
      await tx.query({ name: "test.lock", text: "select 1 from households where household_id = $1 for update" }, [
        locked.household,
      ]);
      held.resolve();
      await release.promise;
    });
    await held.promise;
    const waiting = locked.push([locked.phone.edit(recordId(1), {})]);
    const order: string[] = [];
    void waiting.then(() => order.push("locked"));
    await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        await free.push([free.phone.edit(recordId(n + 10), {})]);
      }),
    );
    order.push("free");
    await sleep(20);
    release.resolve();
    await Promise.all([holder, waiting]);
    expect(order).toEqual(["free", "locked"]);
  });
});

describe("I1: a connection that breaks in the middle of commits", () => {
  test("loses nothing that was answered, leaves no gap, and a resend completes the rest", async () => {
    const { household, phone, heads } = setUp();
    const epoch = await pg.epoch(household);
    await using own = openDatabase({
      url: pg.test.url,
      role: "funkygibbon_app",
      applicationName: "victim",
      maxConnections: 1,
      log: silentLogger(),
    });
    await using killer = openDatabase({ url: pg.test.url, applicationName: "killer", log: silentLogger() });
    const victim = pg.replica({ database: own }).log;
    const changes = Array.from({ length: 40 }, (_, n) => phone.edit(recordId(n + 1), { n }));
    let broken = 0;
    for (const [n, change] of changes.entries()) {
      const job = () => victim.commit(pushJob([change], { household, epoch }));
      // Somewhere between the lock and the answer, a little later each time.
      const kill = sleep((n % 10) / 2).then(() =>
        killer.inTransaction({ households: "positions-only" }, (tx) => tx.query(KILL_VICTIMS)),
      );
      const first = await job().catch((error: unknown) => error);
      await kill;
      if (first instanceof Error) {
        expect(first).toMatchObject({ kind: "unavailable" });
        broken += 1;
      }
      await victim.commit(pushJob([change], { household, epoch })).catch(job);
    }
    expect((await heads()).map((head) => head.version)).toEqual(changes.map((change) => change.version));
    expect((await pg.reads.position(household as HouseholdId)).headSeq).toBe(changes.length);
    // Most are repeated by the pool unnoticed, because they had not reached COMMIT.
    expect(broken).toBeLessThan(changes.length);
  });
});

const KILL_VICTIMS = {
  name: "test.kill_victims",
  text: "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim' and datname = current_database()",
};

test("the plans of a fresh database use their indexes: what a commit reads does not grow with the home", async () => {
  await using fresh = await PgLog.open();
  const phone = new TestDevice("phone");
  const rows = 1_500;
  for (let n = 0; n < rows; n += 250) {
    const creates = Array.from({ length: 250 }, (_, k) => phone.edit(recordId(n + k + 1), { n }));
    await fresh.push(creates);
  }
  // Statistics of a session are published when it has been idle for a moment.
  await sleep(1_200);
  await fresh.push([phone.edit(recordId(rows + 1), {})]);
  const [read] = await fresh.test.sql<{ tuples: string }>(
    `select sum(idx_tup_read) + (select sum(seq_tup_read) from pg_stat_user_tables where relname in ('heads', 'record_versions')) as tuples
      from pg_stat_user_indexes where relname in ('heads', 'record_versions')`,
  );
  expect(Number(read?.tuples)).toBeLessThan(10 * rows);
});
