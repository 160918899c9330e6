import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { SeededLog, seedId } from "../../test/seeded-log.ts";
import { PostgresHistory } from "./postgres-history.ts";
import { PostgresHouseholds } from "./postgres-households.ts";

const [home, room, zone, lamp] = [seedId(1), seedId(2), seedId(3), seedId(4)];
const [inHome, inZone, inRoom] = [seedId(11), seedId(12), seedId(13)];

let database: TestDatabase;
let households: PostgresHouseholds;
let log: SeededLog;

beforeEach(async () => {
  database = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  households = new PostgresHouseholds(database.open({ role: "funkygibbon_app" }));
  log = new SeededLog("h1");
  log.entity(home, "home", { name: "Home" });
  log.entity(zone, "zone", { name: "Upstairs" });
  log.entity(room, "room", { name: "Hall" });
  log.entity(lamp, "device", { name: "Lamp", on: true });
  log.edge(inHome, [zone, "located_in", home]);
  log.edge(inZone, [room, "located_in", zone]);
  log.edge(inRoom, [lamp, "located_in", room]);
  log.superseded(lamp, "device", { name: "Lost" });
  log.entity(lamp, "device", { name: "Lamp", on: false });
  log.edge(inRoom, [lamp, "located_in", room], null);
  await log.write(database);
});

afterEach(() => database?.[Symbol.asyncDispose]());

async function faults(): Promise<[string, string | undefined][]> {
  const report = await households.checkIntegrity(log.household);
  return report.faults.map((fault) => [fault.reason, fault.record]);
}

describe("statistics", () => {
  it("count live records by type, tombstones, versions and open conflicts", async () => {
    expect(await households.statistics(log.household)).toEqual({
      entities: new Map([
        ["home", 1],
        ["room", 1],
        ["device", 1],
        ["zone", 1],
      ]),
      relationships: new Map([["located_in", 2]]),
      deletedRecords: 1,
      versions: 10,
      openConflicts: 0,
    });
  });
});

describe("the integrity check", () => {
  it("finds nothing wrong with a sound household, and counts its live records", async () => {
    expect(await households.checkIntegrity(log.household)).toEqual({ faults: [], checkedRecords: 6 });
  });

  it("finds a live edge with a dead end", async () => {
    await database.sql("update heads set deleted = true where record_id = $1", [home]);
    await database.sql("update record_versions set deleted = true where record_id = $1", [home]);
    expect(await faults()).toEqual([
      ["DEAD_ENDPOINT", inHome],
      ["DIGEST_MISMATCH", undefined],
    ]);
  });

  it("finds a cycle", async () => {
    await database.sql("update heads set to_id = $1 where record_id = $2", [room, inHome]);
    await database.sql("update record_versions set to_id = $1 where record_id = $2", [room, inHome]);
    expect(await faults()).toEqual([
      ["CYCLE", inHome],
      ["CYCLE", inZone],
    ]);
  });

  it("finds heads that are not what the log says, either way", async () => {
    await database.sql("update heads set seq = 4, version = 'x' where record_id = $1", [lamp]);
    await database.sql("delete from heads where record_id = $1", [room]);
    expect(await faults()).toEqual(
      expect.arrayContaining([
        ["HEAD_MISMATCH", lamp],
        ["HEAD_MISMATCH", room],
        ["DEAD_ENDPOINT", inZone],
      ]),
    );
  });

  it("finds a head with another source, digest term or reason to be dead than its version gives it", async () => {
    await database.sql("update heads set source = source + 1 where record_id = $1", [zone]);
    await database.sql("update heads set cascaded = true where record_id = $1", [inRoom]);
    await database.sql("update heads set digest_term = digest_term + 1 where record_id = $1", [room]);
    expect(await faults()).toEqual([
      ["HEAD_MISMATCH", zone],
      ["HEAD_MISMATCH", inRoom],
      ["HEAD_MISMATCH", room],
    ]);
  });

  it("finds a wrong digest", async () => {
    await database.sql("update households set digest = digest + 1");
    expect(await faults()).toEqual([["DIGEST_MISMATCH", undefined]]);
  });

  it("finds a device whose clock is behind its versions, or gone: its resends would not be recognised", async () => {
    const behind = [["CLOCK_BEHIND", undefined]];
    await database.sql("update devices set highest_sequence = highest_sequence - 1");
    expect(await faults()).toEqual(behind);
    await database.sql("delete from devices");
    expect(await faults()).toEqual(behind);
    await database.sql("update record_versions set device_id = 'merge.0a0b0c0d'");
    expect(await faults()).toEqual([]);
  });

  it("finds gaps in the log, in its middle and at its end", async () => {
    await database.sql("delete from record_versions where seq = 8");
    await database.sql("update households set head_seq = 12");
    expect(await faults()).toEqual([
      ["SEQ_GAP", undefined],
      ["SEQ_GAP", undefined],
    ]);
  });
});

describe("a history", () => {
  it("holds every version newest first, with its first parent and which one is the head", async () => {
    const history = new PostgresHistory(database.open({ role: "funkygibbon_app" }));
    const now = { beforeSeq: undefined, at: undefined, limit: 10 };
    const query = { household: log.household, record: lamp, kind: "entity", ...now } as const;
    const items = await history.history(query);
    expect(items.map((item) => [item.version.seq, item.parent?.seq, item.isHead, item.version.outcome])).toEqual([
      [9, 4, true, "applied"],
      [8, 4, false, "superseded"],
      [4, undefined, false, "applied"],
    ]);
    expect(await history.history({ ...query, beforeSeq: 9, limit: 1 })).toHaveLength(1);
    const then = await history.history({ ...query, at: items[1]?.version.committedUs });
    expect(then.map((item) => [item.version.seq, item.isHead])).toEqual([
      [8, false],
      [4, true],
    ]);
    expect(await history.history({ ...query, at: (items[2]?.version.committedUs ?? 0) - 1 })).toEqual([]);
    expect(await history.history({ ...query, kind: "relationship" })).toEqual([]);
    expect(await history.createdAt(log.household, lamp)).toBe(items[2]?.version.committedUs);
    expect(await history.createdAt(log.household, seedId(99))).toBeUndefined();
  });
});
