import type { RecordId } from "@funkygibbon/kernel/ids";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { SEED_START_US, SEED_STEP_US, SeededLog, seedId } from "../../test/seeded-log.ts";
import type { DifferencePosition, GraphSnapshot, RecordDifference } from "../domain/graph-reads.ts";
import { PostgresGraph } from "./postgres-graph.ts";

const [home, room, lamp, lock, inRoom] = [1, 2, 3, 4, 11].map(seedId) as [
  RecordId,
  RecordId,
  RecordId,
  RecordId,
  RecordId,
];
let database: TestDatabase;
let graph: PostgresGraph;

beforeEach(async () => {
  database = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  graph = new PostgresGraph(database.open({ role: "funkygibbon_app" }));
});
afterEach(() => database?.[Symbol.asyncDispose]());

interface Span {
  readonly since: number;
  readonly until?: number;
  readonly limit?: number;
}

/** All pages, as `id: before → after [changed keys]`. */
async function differences(log: SeededLog, { since, until, limit = 100 }: Span): Promise<RecordDifference[]> {
  const found: RecordDifference[] = [];
  let after: DifferencePosition | undefined;
  do {
    const page = await graph.difference({ household: log.household, since, until, after, limit });
    expect(page.differences.length).toBeLessThanOrEqual(limit);
    found.push(...page.differences);
    after = page.next;
  } while (after !== undefined);
  return found;
}

const told = (found: readonly RecordDifference[]) =>
  found.map(({ before, after, changedKeys }) => [
    (after ?? before)?.id,
    before?.seq ?? "nothing",
    after?.seq ?? "nothing",
    ...changedKeys,
  ]);

/** The commit time of a seq. */
const at = (seq: number) => SEED_START_US + seq * SEED_STEP_US;

describe("the difference of two graphs", () => {
  it("names what was created, updated with its keys, and deleted, each record once, in the order of the log", async () => {
    const log = new SeededLog("h1");
    log.entity(home, "home", { name: "Home" });
    log.entity(room, "room", { name: "Room" });
    log.entity(lamp, "device", { name: "Lamp", level: 1, on: true });
    log.entity(lock, "device", { name: "Lock" });
    log.edge(inRoom, [lamp, "located_in", room], { wall: 1 });
    // From here on: 6 to 13.
    log.entity(lamp, "device", { name: "Lamp", level: 2, on: true });
    log.entity(lock, "device", null);
    log.superseded(room, "room", { name: "Never head" });
    log.entity(lamp, "device", { name: "Lamp", level: 2, colour: "red" });
    log.edge(inRoom, [lamp, "located_in", home], { wall: 2 });
    log.entity(seedId(5), "note", { name: "Note" });
    log.entity(seedId(6), "note", { name: "Came and went" });
    log.entity(seedId(6), "note", null);
    await log.write(database);

    expect(told(await differences(log, { since: at(5) }))).toEqual([
      [lock, 4, "nothing"],
      [lamp, 3, 9, "colour", "level", "on"],
      [inRoom, 5, 10, "@ends", "wall"],
      [seedId(5), "nothing", 11],
    ]);
    expect(told(await differences(log, { since: at(5), until: at(6) }))).toEqual([[lamp, 3, 6, "level"]]);
    expect(told(await differences(log, { since: at(8), until: at(8) }))).toEqual([]);
    expect(told(await differences(log, { since: 0, until: at(2) }))).toEqual([
      [home, "nothing", 1],
      [room, "nothing", 2],
    ]);
    expect(await differences(log, { since: at(99) })).toEqual([]);
    const [gone] = await differences(log, { since: at(5) });
    expect(gone).toMatchObject({ before: { kind: "entity", name: "Lock", createdUs: at(4) }, after: undefined });
  });

  it("leaves out what is the same again, and calls a record created that was restored", async () => {
    const log = new SeededLog("h1");
    log.entity(lamp, "device", { name: "Lamp" });
    log.entity(lock, "device", { name: "Lock" });
    log.entity(lock, "device", null);
    log.entity(lamp, "device", { name: "Other" });
    log.entity(lamp, "device", { name: "Lamp" });
    log.entity(lock, "device", { name: "Lock" });
    await log.write(database);
    expect(told(await differences(log, { since: at(3) }))).toEqual([[lock, "nothing", 6]]);
    expect(told(await differences(log, { since: at(2) }))).toEqual([]);
  });

  it("ends a page when it grows large, and pages agree on a now that moves on", async () => {
    const log = new SeededLog("h1");
    for (let n = 0; n < 100; n++) log.entity(seedId(n), "note", { text: "x".repeat(60_000) });
    await log.write(database);
    const first = await graph.difference({
      household: log.household,
      since: 0,
      until: undefined,
      after: undefined,
      limit: 100,
    });
    expect(first.differences.length).toBe(34);
    await database.sql("update households set head_seq = head_seq + 1");
    expect(first.next).toEqual({ sinceSeq: 0, untilSeq: 100, seq: 34 });
    expect((await differences(log, { since: 0 })).length).toBe(100);
  });

  it("shows a body that retention took as removed, and tells changed keys by their stamps", async () => {
    const log = new SeededLog("h1");
    const first = log.entity(lamp, "device", { name: "Lamp", level: 1 });
    log.entity(lamp, "device", { name: "Lamp", level: 2 });
    await log.write(database);
    await database.sql("update record_versions set body = null, body_removed = true where seq = 1");
    const stamps = [
      [at(1), "seed", 1, ["name"]],
      [at(2), "seed", 2, ["level"]],
    ];
    await database.sql("update record_versions set stamps = $1 where seq = 2", [JSON.stringify(stamps)]);
    const [difference] = await differences(log, { since: first.committedUs });
    expect(difference).toMatchObject({ before: { bodyRemoved: true, bodyJson: "" }, changedKeys: ["level"] });
  });

  it("is what two snapshots differ in, whatever happened in between", async () => {
    const edit = fc.record({
      record: fc.integer({ min: 1, max: 6 }),
      level: fc.integer({ min: 0, max: 2 }),
      lost: fc.boolean(),
    });
    const history = fc.array(edit, { minLength: 1, maxLength: 30 });
    let run = 0;
    const property = fc.asyncProperty(
      history,
      fc.nat(31),
      fc.nat(31),
      fc.integer({ min: 1, max: 5 }),
      async (edits, a, b, limit) => {
        const log = new SeededLog(`p${++run}`);
        for (const { record, level, lost } of edits) {
          if (lost) log.superseded(seedId(record), "device", { level });
          else log.entity(seedId(record), "device", level === 0 ? null : { level });
        }
        await log.write(database);
        const [since, until] = [at(Math.min(a, b)), at(Math.max(a, b))];
        const ids = [1, 2, 3, 4, 5, 6].map(seedId);
        const bodies = (time: number) =>
          graph.snapshot({ household: log.household, at: time }, async (snapshot: GraphSnapshot) => {
            const found = await snapshot.entities(ids);
            return new Map([...found].filter(([, view]) => !view.deleted).map(([id, view]) => [id, view.bodyJson]));
          });
        const [was, is] = [await bodies(since), await bodies(until)];
        const expected = ids.filter((id) => was.get(id) !== is.get(id)).map((id) => [id, was.get(id), is.get(id)]);
        const found = await differences(log, { since, until, limit });
        const seen = found.map(({ before, after }) => [(after ?? before)?.id, before?.bodyJson, after?.bodyJson]);
        const byId = (x: unknown[], y: unknown[]) => String(x[0]).localeCompare(String(y[0]));
        expect(seen.sort(byId)).toEqual(expected.sort(byId));
      },
    );
    await fc.assert(property, { numRuns: 40 });
  }, 60_000);
});
