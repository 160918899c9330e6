import { describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog } from "../../test/memory-log.ts";

const LAMP = recordId(1);
const [HERE, THERE] = [recordId(2), recordId(3)];
const OLD = "2026-11-22T08:00:00.000Z-panel-000001";

function setUp() {
  const log = new MemoryLog();
  const phone = new TestDevice("phone");
  const ends = [phone.edit(HERE, {}), phone.edit(THERE, {})];
  log.push(ends);
  return { log, phone, panel: new TestDevice("panel") };
}

const aRoom = { type: "room" } as const;
const anEdge = { type: "part_of", from: HERE, to: THERE } as const;

describe("the type of an entity and the kind of a record", () => {
  test("are not changed by an update", () => {
    const { log, phone } = setUp();
    const lamp = phone.edit(LAMP, {});
    log.push([lamp]);
    const { outcomes } = log.push([
      phone.edit(LAMP, {}, { parents: [lamp.version], ...aRoom }),
      phone.connect(LAMP, anEdge, { parents: [lamp.version] }),
    ]);
    expect(outcomes).toMatchObject([
      { outcome: "rejected", rejection: { reason: "TYPE_CHANGED", field: "entity.type" } },
      { outcome: "rejected", rejection: { reason: "KIND_CHANGED", field: "content" } },
    ]);
    expect(log.head(LAMP).version).toBe(lamp.version);
  });

  test("are not changed by an edit that never knew the record, nor by one that revives it", () => {
    const { log, phone, panel } = setUp();
    const lamp = phone.edit(LAMP, {});
    const gone = phone.remove(LAMP, [lamp.version]);
    log.push([lamp, gone]);
    const edits = [panel.edit(LAMP, {}, aRoom), panel.edit(LAMP, {}, { parents: [gone.version], ...aRoom })];
    expect(log.push(edits).outcomes).toMatchObject([
      { rejection: { reason: "TYPE_CHANGED" } },
      { rejection: { reason: "TYPE_CHANGED" } },
    ]);
  });

  test("are not judged by a parent that is another record's edit in the same push", () => {
    const { log, phone, panel } = setUp();
    const room = panel.edit(LAMP, { a: 1 }, aRoom);
    log.push([room, panel.edit(LAMP, { a: 2 }, { parents: [room.version], ...aRoom })]);
    const diverged = phone.edit(LAMP, { a: 3 }, { parents: [room.version], ...aRoom });
    const { divergences } = log.push([diverged, phone.edit(HERE, { a: 3 }, { parents: [diverged.version] })]);
    expect(divergences.map(({ local }) => local.record)).toEqual([LAMP, HERE]);
    expect(divergences.map(({ base }) => base?.version)).toEqual([room.version, undefined]);
  });

  test("are not changed on top of a version that is only preserved", () => {
    const { log, phone } = setUp();
    const refused = phone.connect(LAMP, { ...anEdge, to: HERE });
    expect(outcomesOf(log.push([refused]))).toEqual(["superseded"]);
    const [onRefused] = log.push([phone.edit(LAMP, {}, { parents: [refused.version] })]).outcomes;
    expect(onRefused).toMatchObject({ outcome: "rejected", rejection: { reason: "KIND_CHANGED" } });
    const waiting = phone.edit(recordId(5), {}, { parents: [OLD] });
    expect(outcomesOf(log.push([waiting]))).toEqual(["pending_review"]);
    const [onWaiting] = log.push([phone.edit(recordId(5), {}, { parents: [waiting.version], ...aRoom })]).outcomes;
    expect(onWaiting).toMatchObject({ outcome: "rejected", rejection: { reason: "TYPE_CHANGED" } });
  });

  test("are not changed by a divergence whose base is of another kind than the head has become", () => {
    const { log, phone } = setUp();
    const refused = phone.connect(LAMP, { ...anEdge, to: HERE });
    const lamp = phone.edit(LAMP, {});
    log.push([refused]);
    log.push([lamp]);
    const [outcome] = log.push([phone.edit(LAMP, { a: 1 }, { parents: [refused.version] })]).outcomes;
    expect(outcome).toMatchObject({ outcome: "rejected", rejection: { reason: "KIND_CHANGED" } });
  });

  test("are not changed by a restore of what was preserved before the record was what it is", () => {
    const { log, phone } = setUp();
    const refused = phone.connect(LAMP, { ...anEdge, to: HERE });
    log.push([refused]);
    log.push([phone.edit(LAMP, {})]);
    const restore = { kind: "restore", record: LAMP as never, recordKind: "entity", expected: "any" } as const;
    expect(() => log.api({ ...restore, version: refused.version as never })).toThrow(
      expect.objectContaining({
        kind: "invalid",
        reason: "KIND_CHANGED",
        fields: [expect.objectContaining({ field: "version" })],
      }),
    );
  });

  test("are not changed by a person's decision for what waits", () => {
    const { log, phone } = setUp();
    const [conflict] = log.push([phone.edit(LAMP, { a: 1 }, { parents: [OLD] })]).conflicts;
    log.push([phone.edit(LAMP, {}, aRoom)]);
    const content = { bodyJson: "{}", ends: "local", deleted: false, stamps: [] } as const;
    expect(() => log.settle(conflict?.id ?? "", "took_local", content)).toThrow(
      expect.objectContaining({
        kind: "invalid",
        reason: "TYPE_CHANGED",
        fields: [expect.objectContaining({ field: "content" })],
      }),
    );
    expect(log.openConflicts()).toHaveLength(1);
    log.settle(conflict?.id ?? "", "kept_server");
    expect(log.openConflicts()).toEqual([]);
  });
});

test("the type and the ends of a relationship may change", () => {
  const { log, phone } = setUp();
  const edge = phone.connect(LAMP, anEdge);
  log.push([edge]);
  const moved = phone.connect(LAMP, { type: "depends_on", from: THERE, to: HERE }, { parents: [edge.version] });
  expect(outcomesOf(log.push([moved]))).toEqual(["applied"]);
  expect(log.heads.get(LAMP as never)).toMatchObject({ type: "depends_on", from: THERE, to: HERE });
});
