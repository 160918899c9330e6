import type { IncomingChange, Resolution } from "@funkygibbon/kernel/record";
import { describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog, START_US } from "../../test/memory-log.ts";

/**
 * Whatever is about to make an edge head, its ends are looked at then (docs/protocol.md, 4 rule 5): a change and a
 * merge lose, whoever can be told at once is told.
 */
const [A, B, C, EDGE, BACK] = [1, 2, 3, 11, 12].map(recordId) as [string, string, string, string, string];
const partOf = (from: string, to: string) => ({ type: "part_of", from, to }) as const;

/** Three boxes; the edge says that A is part of C. */
function setUp() {
  const log = new MemoryLog();
  const phone = new TestDevice("phone");
  const boxes = [A, B, C].map((box) => phone.edit(box, {}));
  const edge = phone.connect(EDGE, partOf(A, C));
  log.push([...boxes, edge]);
  return { log, phone, panel: new TestDevice("panel"), edge };
}

type Scene = ReturnType<typeof setUp>;

/** What makes an edge from A to B impossible. */
const OBSTACLES: readonly [string, string, (scene: Scene) => void][] = [
  [
    "cyclic_relationship",
    "CYCLIC_RELATIONSHIP",
    ({ log, phone }) => void log.push([phone.connect(BACK, partOf(B, A))]),
  ],
  ["delete_update", "ENDPOINT_DELETED", ({ log, phone }) => void log.push([phone.remove(B, [log.head(B).version])])],
];

/** Two edits of the edge that have parted: the panel's wants it to lead to B. */
function divergedMove({ log, phone, panel, edge }: Scene) {
  log.push([phone.connect(EDGE, { ...partOf(A, C), body: { a: 1 } }, { parents: [edge.version] })]);
  const move = panel.connect(EDGE, partOf(A, B), { parents: [edge.version] });
  return move;
}

function decide(log: MemoryLog, change: IncomingChange, decision: "merged" | "pending"): ReturnType<MemoryLog["push"]> {
  const [divergence] = log.push([change]).divergences;
  if (divergence === undefined) throw new Error("must diverge");
  const content = { bodyJson: "{}", ends: "local", deleted: false, stamps: [] } as const;
  const resolution: Resolution = {
    record: divergence.local.record,
    localVersion: divergence.local.version,
    localTimes: divergence.localTimes,
    serverVersion: divergence.server.version,
    decision: decision === "merged" ? { kind: "merged", content } : { kind: "pending" },
    conflict: { type: "content_conflict", strategy: "merge", decision: "merged", fields: [] },
  };
  return log.push([change], { resolutions: [resolution] });
}

describe.each(OBSTACLES)("an edge that would be a %s", (type, reason, obstruct) => {
  test("loses as a change on top of the head, which stays, and is on record", () => {
    const scene = setUp();
    obstruct(scene);
    const { log, phone, edge } = scene;
    const { outcomes, conflicts } = log.push([phone.connect(EDGE, partOf(A, B), { parents: [edge.version] })]);
    expect(outcomes).toMatchObject([{ outcome: "superseded" }]);
    expect(conflicts).toMatchObject([{ type, decision: "kept_server", serverVersion: edge.version }]);
    expect(log.head(EDGE).version).toBe(edge.version);
  });

  test("loses as a merge: what was resolved is committed as a change that lost", () => {
    const scene = setUp();
    obstruct(scene);
    const { log } = scene;
    const move = divergedMove(scene);
    const head = log.head(EDGE).version;
    const { outcomes, conflicts } = decide(log, move, "merged");
    expect(outcomes).toMatchObject([{ outcome: "superseded" }]);
    expect(conflicts).toMatchObject([{ type, decision: "kept_server", localVersion: move.version }]);
    expect(log.head(EDGE).version).toBe(head);
  });

  test("is refused as a person's settlement, and the conflict stays open", () => {
    const scene = setUp();
    const { log } = scene;
    const [row] = decide(log, divergedMove(scene), "pending").conflicts;
    obstruct(scene);
    const content = { bodyJson: "{}", ends: "local", deleted: false, stamps: [] } as const;
    expect(() => log.settle(row?.id ?? "", "took_local", content)).toThrow(
      expect.objectContaining({ kind: "failed-precondition", reason }),
    );
    expect(log.openConflicts()).toHaveLength(1);
  });

  test("is refused as a restore and as an update through the API", () => {
    const scene = setUp();
    const { log, phone, edge } = scene;
    const toB = phone.connect(EDGE, partOf(A, B), { parents: [edge.version] });
    log.push([toB]);
    log.push([phone.connect(EDGE, partOf(A, C), { parents: [toB.version] })]);
    obstruct(scene);
    const target = { record: EDGE as never, recordKind: "relationship", expected: "any" } as const;
    const refused = expect.objectContaining({ kind: "failed-precondition", reason });
    expect(() => log.api({ ...target, kind: "restore", version: toB.version as never })).toThrow(refused);
    const body = { kind: "patch", set: {}, remove: [] } as const;
    const ends = partOf(A, B) as never;
    expect(() => log.api({ ...target, kind: "update", body, ends, source: undefined })).toThrow(refused);
    expect(log.head(EDGE).content).toMatchObject({ to: C });
  });

  test("loses as a heal, without a conflict", () => {
    const scene = setUp();
    obstruct(scene);
    const { log } = scene;
    const conflicts = log.conflicts.size;
    const heal = { author: "ben", device: "panel", stamps: () => [], effectiveUs: START_US };
    const healed = new TestDevice("panel").connect(recordId(20), partOf(A, B), { heal });
    expect(outcomesOf(log.push([healed], { device: "phone" }))).toEqual(["superseded"]);
    expect(log.conflicts.size).toBe(conflicts);
    expect(log.heads.has(recordId(20) as never)).toBe(false);
  });
});

describe("an edge that a deletion took", () => {
  test("does not come back with its end where it would close a cycle now, and the rest does", () => {
    const { log, phone } = setUp();
    const [first, second, other] = [recordId(13), recordId(14), recordId(15)];
    log.push([
      phone.connect(first, partOf(A, B)),
      phone.connect(second, partOf(B, C)),
      phone.connect(other, { type: "depends_on", from: B, to: A }),
    ]);
    const edge = log.head(EDGE).version;
    log.push([phone.connect(EDGE, partOf(A, C), { parents: [edge], deleted: true })]);
    const gone = phone.remove(B, [log.head(B).version]);
    log.push([gone]);
    log.push([phone.connect(BACK, partOf(C, A))]);
    log.push([phone.edit(B, {}, { parents: [gone.version] })]);
    // A → B came back; B → C would have closed the circle with C → A.
    expect([first, second, other].map((record) => log.head(record).deleted)).toEqual([false, true, false]);
  });
});

test("a delete of a record that nobody knows waits for a person, like an update", () => {
  const { log, phone } = setUp();
  const remove = phone.remove(recordId(30), ["2026-11-22T08:00:00.000Z-panel-000001"]);
  const { outcomes, conflicts } = log.push([remove]);
  expect(outcomes).toMatchObject([{ outcome: "pending_review", headSeq: 0 }]);
  expect(conflicts).toMatchObject([{ decision: "open", localVersion: remove.version }]);
});

test("an empty body clears a record, and is not the same as none", () => {
  const { log, phone } = setUp();
  log.push([phone.edit(A, { name: "Box" }, { parents: [log.head(A).version] })]);
  log.push([phone.edit(A, {}, { parents: [log.head(A).version] })]);
  expect(log.head(A)).toMatchObject({ bodyText: "{}", content: { body: {} }, deleted: false });
});
