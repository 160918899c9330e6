import { systemClock } from "@funkygibbon/kernel/clock";
import type { DeviceId, HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { PgLog } from "../../test/pg-log.ts";
import { PostgresDeviceRegistry } from "./postgres-device-registry.ts";

let pg: PgLog;
let households = 0;
beforeAll(async () => {
  pg = await PgLog.open();
});
afterAll(() => pg[Symbol.asyncDispose]());

/** A household of this test's own. */
function setUp() {
  const household = `home-${++households}` as HouseholdId;
  const push: PgLog["push"] = (changes, options) => pg.push(changes, { household, ...options });
  const rows = <Row>(columns: string) =>
    pg.test.sql<Row>(`select ${columns} from record_versions where household_id = $1 order by seq`, [household]);
  return { household, phone: new TestDevice("phone"), push, rows };
}

describe("an edge whose one end was deleted", () => {
  test("comes back in a push that deletes the other end, restores the first and then the other", async () => {
    const { household, phone, push } = setUp();
    const [lamp, room, edge] = [recordId(1), recordId(2), recordId(3)];
    const makeLamp = phone.edit(lamp, {});
    const makeRoom = phone.edit(room, {}, { type: "room" });
    await push([makeLamp, makeRoom, phone.connect(edge, { from: lamp, to: room })]);
    const roomGone = phone.remove(room, [makeRoom.version], { type: "room" });
    await push([roomGone]);
    const lampGone = phone.remove(lamp, [makeLamp.version]);
    const roomBack = phone.edit(room, {}, { type: "room", parents: [roomGone.version] });
    const lampBack = phone.edit(lamp, {}, { parents: [lampGone.version] });
    expect(outcomesOf(await push([lampGone, roomBack, lampBack]))).toEqual(["applied", "applied", "applied"]);
    const [head] = await pg.test.sql("select deleted, cascaded from heads where household_id = $1 and record_id = $2", [
      household,
      edge,
    ]);
    expect(head).toEqual({ deleted: false, cascaded: false });
  });
});

describe("a device's durable clock", () => {
  test("begins with its first edit, also where that has the sequence 0 and the device said hello before", async () => {
    const { household, phone, push } = setUp();
    await pg.epoch(household);
    await new PostgresDeviceRegistry(pg.database, systemClock).openSession({
      household,
      device: "phone" as DeviceId,
      user: "ada" as UserId,
      sessionKey: new Uint8Array(),
      rotateKey: true,
      clientVersion: "1",
      platform: "test",
    });
    phone.sequence = -1;
    const first = phone.edit(recordId(1), {});
    expect(await push([first])).toMatchObject({ deviceVersion: first.version });
    expect((await pg.reads.clocks(household)).versions).toEqual(new Map([["phone", first.version]]));
    expect((await pg.replica().push([first], { household })).outcomes).toMatchObject([{ duplicate: true }]);
    const second = phone.edit(recordId(2), {});
    expect(await push([second])).toMatchObject({ deviceVersion: second.version });
  });
});

test("a commit is answered although whoever listens to commits fails", async () => {
  const failing = pg.replica({
    onCommit: () => {
      throw new Error("a listener of a test");
    },
  });
  const { household, phone, rows } = setUp();
  const { outcomes } = await failing.push([phone.edit(recordId(1), {})], { household });
  expect(outcomes).toMatchObject([{ outcome: "applied" }]);
  expect(await rows("seq::int")).toEqual([{ seq: 1 }]);
});

describe("claimed times at both ends of the calendar", () => {
  test("are kept in the version, as near as numbers come in the column, and bounded where they count", async () => {
    const { phone, push, rows } = setUp();
    const before = systemClock.now();
    const old = { ...phone.edit(recordId(1), {}), version: "0000-01-01T00:00:00Z-phone-001" };
    const future = { ...phone.edit(recordId(2), {}), version: "9999-12-31T23:59:59.999999Z-phone-002" };
    expect(outcomesOf(await push([old, future]))).toEqual(["applied", "applied"]);
    const found = await rows<{ version: string; claimed_us: string; effective_us: string }>(
      "version, claimed_us, effective_us",
    );
    expect(found.map(({ version }) => version)).toEqual([old.version, future.version]);
    expect(found.map(({ claimed_us }) => Number(claimed_us))).toEqual([
      Number.MIN_SAFE_INTEGER,
      Number.MAX_SAFE_INTEGER,
    ]);
    expect(Number(found[0]?.effective_us)).toBe(0);
    expect(Number(found[1]?.effective_us)).toBeGreaterThanOrEqual(before);
    expect(Number(found[1]?.effective_us)).toBeLessThanOrEqual(systemClock.now());
    // And read back by everybody who reads versions.
    const edit = phone.edit(recordId(2), { a: 1 }, { parents: [future.version] });
    expect(outcomesOf(await push([edit]))).toEqual(["applied"]);
  });
});
