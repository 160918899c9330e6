import type { HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import { openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog, pushJob } from "../../test/pg-log.ts";
import { PostgresWire } from "../../test/postgres-wire.ts";

let pg: PgLog;
let wire: PostgresWire;
let wired: PgLog;
let households = 0;
let plugs = 100;
const closing = new AsyncDisposableStack();
beforeAll(async () => {
  pg = closing.use(await PgLog.open());
  wire = closing.use(await PostgresWire.open(pg.test.url));
  const options = { role: "funkygibbon_app", applicationName: "wired", maxConnections: 1, log: silentLogger() };
  wired = pg.replica({ database: closing.use(openDatabase({ ...options, url: wire.url })), lanes: 1 });
});
afterAll(() => closing.disposeAsync());
beforeEach(() => wire.release());

/** A household in which the phone has a record; nothing that is sent for it is listed. */
async function setUp() {
  const household = `wired-${++households}` as HouseholdId;
  const epoch = await pg.epoch(household);
  const phone = new TestDevice("phone");
  const lamp = phone.edit(recordId(1), { name: "Lamp" });
  await wired.log.commit(pushJob([lamp], { household, epoch }));
  wire.sent.length = 0;
  const push = (...changes: Parameters<typeof pushJob>[0]) => wired.log.commit(pushJob(changes, { household, epoch }));
  const updates = (count: number) =>
    Array.from({ length: count }, (_, n) =>
      phone.edit(recordId(1), { name: "Lamp", n }, { parents: [n === 0 ? lamp.version : versionBefore(phone)] }),
    );
  return { household, phone, push, updates };
}

type Home = Awaited<ReturnType<typeof setUp>>;

function versionBefore(phone: TestDevice): string {
  const again = new TestDevice(phone.name);
  again.sequence = phone.sequence - 1;
  return again.edit(recordId(1), {}).version;
}

const READ = ["commit.lock", "commit.read_heads", "commit.read_versions", "commit.read_clocks"];

describe("what a commit sends to PostgreSQL", () => {
  test.each([1, 200])(
    "is a lock and one statement for all of it, sent before anything is answered, when it only brings %i new",
    async (count) => {
      const { phone, push } = await setUp();
      wire.hold();
      const pushed = push(...Array.from({ length: count }, (_, n) => phone.edit(recordId(n + 2), { n })));
      // Nothing has been answered so far; what comes after it is the end.
      await wire.seen("commit.write");
      wire.release();
      expect(new Set(outcomesOf(await pushed))).toEqual(new Set(["applied"]));
      expect(wire.sent).toEqual(["BEGIN", "commit.lock_in_turn", "commit.write", "COMMIT"]);
    },
  );

  test.each([1, 200])("is one reading and one writing in two trips when it brings %i updates", async (count) => {
    const { push, updates } = await setUp();
    wire.hold();
    const pushed = push(...updates(count));
    await wire.seen("commit.read_clocks");
    expect(wire.sent).toEqual(["BEGIN", ...READ]);
    wire.deliver();
    await wire.seen("COMMIT");
    expect(wire.sent).toEqual(["BEGIN", ...READ, "commit.write", "COMMIT"]);
    wire.release();
    expect(new Set(outcomesOf(await pushed))).toEqual(new Set(["applied"]));
  });

  test("is no more for a group of households than for one of them, whether they update or bring new records", async () => {
    const [first, ...homes] = await Promise.all(Array.from({ length: 5 }, setUp));
    if (first === undefined) throw new Error("there are five homes");
    wire.sent.length = 0;
    for (const [work, reading] of [
      [({ push, updates }: Home) => push(...updates(3)), READ],
      [({ phone, push }: Home) => push(phone.edit(recordId(9), {})), ["commit.lock_now"]],
    ] as const) {
      await wired.log.whenIdle();
      wire.hold();
      // The others wait for the only lane and then go together.
      const plug = first.push(first.phone.edit(recordId(++plugs), {}));
      const pushed = homes.map(work);
      await wire.seen("commit.write");
      wire.sent.length = 0;
      wire.release();
      await Promise.all([plug, ...pushed]);
      expect(wire.sent).toEqual(["COMMIT", "BEGIN", ...reading, "commit.write", "COMMIT"]);
      wire.sent.length = 0;
    }
  });

  test("is the same for a write through the API, whose request is remembered by two more", async () => {
    const { household } = await setUp();
    const body = { kind: "patch", set: { on: true }, remove: [] } as const;
    const action = { kind: "update", record: recordId(1) as RecordId, recordKind: "entity", expected: "any" } as const;
    const write = { ...action, body, ends: undefined, source: undefined };
    const trips = ["BEGIN", "commit.lock", "commit.read_heads", "commit.write", "COMMIT"];
    await wired.api(write, { household });
    expect(wire.sent).toEqual(trips);
    wire.sent.length = 0;
    await wired.api(write, { household, request: { id: "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21", fingerprint: "f" } });
    const more = ["commit.read_requests", "commit.forget_requests", "commit.remember_request"];
    expect(wire.sent.toSorted()).toEqual([...trips, ...more].toSorted());
  });
});
