import { must } from "@funkygibbon/kernel/must";
import { describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog, START_US } from "../../test/memory-log.ts";

const HOME = recordId(1);
const ROOM = recordId(2);
const LAMP = recordId(3);
const BOX = recordId(4);
const EDGE = recordId(9);

/** A home, a room in it, a lamp and a box; the lamp is in the room. */
function setUp() {
  const log = new MemoryLog();
  const phone = new TestDevice("phone");
  const panel = new TestDevice("panel");
  const home = phone.edit(HOME, {}, { type: "home" });
  const room = phone.edit(ROOM, {}, { type: "room" });
  const lamp = phone.edit(LAMP, {});
  const box = phone.edit(BOX, {});
  const edge = phone.connect(EDGE, { from: LAMP, to: ROOM, body: { since: 2020 } });
  log.push([home, room, lamp, box, edge]);
  return { log, phone, panel, home, room, lamp, box, edge };
}

describe("ends", () => {
  test("may come later in the same push, and are in the log before their edge", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const edge = phone.connect(EDGE, { from: LAMP, to: ROOM });
    const lamp = phone.edit(LAMP, {});
    const room = phone.edit(ROOM, {}, { type: "room" });
    expect(outcomesOf(log.push([edge, lamp, room]))).toEqual(["applied", "applied", "applied"]);
    expect(log.versions.at(-1)?.version).toBe(edge.version);
  });

  test("that nobody knows defer the edge, and nothing is stored", () => {
    const { log, phone } = setUp();
    const change = phone.connect(recordId(10), { from: LAMP, to: recordId(99) });
    const { outcomes } = log.push([change]);
    expect(outcomes[0]).toMatchObject({
      outcome: "deferred",
      rejection: { reason: "ENDPOINT_UNKNOWN", field: "relationship.to_id" },
    });
    expect(log.versions).toHaveLength(5);
  });

  test("that nobody knows for seven days reject the edge", () => {
    const { log, phone } = setUp();
    const weekAgo = START_US - 8 * 24 * 3_600_000_000;
    const change = phone.connect(recordId(10), { from: LAMP, to: recordId(99) }, { deferredSinceUs: weekAgo });
    expect(log.push([change]).outcomes[0]).toMatchObject({
      outcome: "rejected",
      rejection: { reason: "ENDPOINT_UNKNOWN" },
    });
  });

  test("of a deferred edge defer the edits on top of it too", () => {
    const { log, phone } = setUp();
    const first = phone.connect(recordId(10), { from: LAMP, to: recordId(99) });
    const second = phone.connect(recordId(10), { from: LAMP, to: recordId(99) }, { parents: [first.version] });
    expect(outcomesOf(log.push([first, second]))).toEqual(["deferred", "deferred"]);
  });

  test("of types that never connect reject the edge", () => {
    const { log, phone } = setUp();
    const change = phone.connect(recordId(10), { from: HOME, to: ROOM });
    expect(log.push([change]).outcomes[0]).toMatchObject({
      outcome: "rejected",
      rejection: { reason: "FORBIDDEN_ENDPOINTS", field: "relationship" },
    });
  });

  test("that are relationships reject the edge", () => {
    const { log, phone } = setUp();
    const change = phone.connect(recordId(10), { type: "depends_on", from: LAMP, to: EDGE });
    expect(outcomesOf(log.push([change]))).toEqual(["rejected"]);
  });

  test("that are deleted make the edge lose, with a conflict; an edit on top of it starts anew when they live again", () => {
    const { log, phone, room } = setUp();
    log.push([phone.remove(ROOM, [room.version], { type: "room" })]);
    const change = phone.connect(recordId(10), { from: BOX, to: ROOM });
    const { outcomes, conflicts } = log.push([change]);
    expect(outcomes[0]).toMatchObject({ outcome: "superseded", headSeq: 0 });
    expect(conflicts).toMatchObject([{ type: "delete_update", decision: "kept_server", localVersion: change.version }]);
    log.push([phone.edit(ROOM, {}, { type: "room", parents: [log.head(ROOM).version] })]);
    const again = phone.connect(recordId(10), { from: BOX, to: ROOM }, { parents: [change.version] });
    expect(outcomesOf(log.push([again]))).toEqual(["applied"]);
  });

  test("that are deleted take the properties along that the edit has set or removed, and the conflict names them all", () => {
    const { log, phone, room } = setUp();
    const ends = { from: BOX, to: ROOM };
    const placed = phone.connect(recordId(10), { ...ends, body: { since: 2024, note: "top shelf", by: "ada" } });
    log.push([placed]);
    log.push([phone.remove(ROOM, [room.version], { type: "room" })]);
    const tombstone = log.head(recordId(10));
    const edit = phone.connect(
      recordId(10),
      { ...ends, body: { since: 2026, by: "ada", color: "red" } },
      { parents: [placed.version] },
    );
    // Whoever resolves it does not see the graph: the edit would become head.
    const content = {
      bodyJson: '{"by":"ada","color":"red","since":2026}',
      ends: "local",
      deleted: false,
      stamps: [],
    } as const;
    const { conflicts } = log.push([edit], {
      resolutions: log.push([edit]).divergences.map(({ local, localTimes, server }) => ({
        record: local.record,
        localVersion: local.version,
        localTimes,
        serverVersion: server.version,
        decision: { kind: "merged", content },
        conflict: undefined,
      })),
    });
    expect(conflicts).toMatchObject([
      { type: "delete_update", decision: "kept_server", localVersion: edit.version, serverVersion: tombstone.version },
    ]);
    const asText = JSON.stringify({ from: BOX, to: ROOM, type: "located_in" });
    const refused = { rule: "dead-end-refused", serverJson: undefined, decidedJson: undefined };
    expect(conflicts[0]?.fields).toEqual([
      { ...refused, field: "@ends", localJson: asText, baseJson: asText },
      { ...refused, field: "color", localJson: '"red"', baseJson: undefined },
      { ...refused, field: "note", localJson: undefined, baseJson: '"top shelf"' },
      { ...refused, field: "since", localJson: "2026", baseJson: "2024" },
    ]);
  });

  test("that are deleted while the head lives on keep what the head says of the same properties", () => {
    const { log, phone, room } = setUp();
    const shelf = phone.edit(recordId(20), {}, { type: "room" });
    log.push([shelf]);
    const placed = phone.connect(recordId(10), { from: BOX, to: ROOM, body: { since: 2024 } });
    log.push([placed]);
    log.push([phone.remove(recordId(20), [shelf.version], { type: "room" })]);
    expect(room.version).toBe(log.head(ROOM).version);
    const edit = phone.connect(
      recordId(10),
      { from: BOX, to: recordId(20), body: { since: 2026 } },
      { parents: [placed.version] },
    );
    const { conflicts } = log.push([edit]);
    expect(conflicts[0]?.fields).toMatchObject([
      { field: "@ends", rule: "dead-end-refused" },
      { field: "since", localJson: "2026", serverJson: "2024", baseJson: "2024", decidedJson: "2024" },
    ]);
  });
});

describe("I11: cycles", () => {
  test("of part_of are refused, and the edge is preserved with a conflict", () => {
    const { log, phone } = setUp();
    log.push([phone.connect(recordId(10), { type: "part_of", from: LAMP, to: BOX })]);
    const back = phone.connect(recordId(11), { type: "part_of", from: BOX, to: LAMP });
    const { outcomes, conflicts } = log.push([back]);
    expect(outcomes[0]).toMatchObject({ outcome: "superseded", headSeq: 0 });
    expect(conflicts).toMatchObject([{ type: "cyclic_relationship", decision: "kept_server" }]);
    expect(log.version(back.version).outcome).toBe("superseded");
  });

  test("that two edges of one push close together are refused at the second", () => {
    const { log, phone } = setUp();
    const there = phone.connect(recordId(10), { type: "part_of", from: LAMP, to: BOX });
    const back = phone.connect(recordId(11), { type: "part_of", from: BOX, to: LAMP });
    expect(outcomesOf(log.push([there, back]))).toEqual(["applied", "superseded"]);
  });

  test("from a device to itself are refused", () => {
    const { log, phone } = setUp();
    expect(outcomesOf(log.push([phone.connect(recordId(10), { type: "part_of", from: LAMP, to: LAMP })]))).toEqual([
      "superseded",
    ]);
  });

  test("do not count an edge that is being turned round", () => {
    const { log, phone } = setUp();
    const there = phone.connect(recordId(10), { type: "part_of", from: LAMP, to: BOX });
    log.push([there]);
    const turned = phone.connect(recordId(10), { type: "part_of", from: BOX, to: LAMP }, { parents: [there.version] });
    expect(outcomesOf(log.push([turned]))).toEqual(["applied"]);
  });
});

describe("deleting an entity", () => {
  test("takes its edges with it in the same commit, written by the server", () => {
    const { log, phone, room, edge } = setUp();
    log.push([phone.remove(ROOM, [room.version], { type: "room" })]);
    expect(log.head(EDGE)).toMatchObject({
      deleted: true,
      author: "server",
      parents: [edge.version],
      committedUs: log.head(ROOM).committedUs,
    });
    expect(log.head(EDGE).device).toMatch(/^server\.[0-9a-f]{8}$/);
    expect(log.heads.get(log.head(EDGE).record)?.cascaded).toBe(true);
  });

  test("takes an edge too that was made in the same push", () => {
    const { log, phone, box } = setUp();
    const made = phone.connect(recordId(10), { from: BOX, to: ROOM });
    expect(outcomesOf(log.push([made, phone.remove(BOX, [box.version])]))).toEqual(["applied", "applied"]);
    expect(log.head(recordId(10)).deleted).toBe(true);
  });

  test("does not bring its edges back alone: restoring it does, as they were", () => {
    const { log, phone, room, edge } = setUp();
    const gone = phone.remove(ROOM, [room.version], { type: "room" });
    log.push([gone]);
    log.push([phone.edit(ROOM, { name: "back" }, { type: "room", parents: [gone.version] })]);
    const returned = log.head(EDGE);
    expect(returned).toMatchObject({ deleted: false, author: "server", bodyText: '{"since":2020}' });
    // Nobody edited it: its keys keep the stamps of the edit that set them.
    const editor = log.version(edge.version);
    expect(returned.stamps).toEqual([
      {
        stamp: { effectiveUs: editor.effectiveUs, device: "phone", sequence: editor.sequence },
        keys: ["@ends", "since"],
      },
    ]);
  });

  test("leaves an edge dead whose other end has died meanwhile", () => {
    const { log, phone, room, lamp } = setUp();
    const gone = phone.remove(ROOM, [room.version], { type: "room" });
    log.push([gone, phone.remove(LAMP, [lamp.version])]);
    log.push([phone.edit(ROOM, {}, { type: "room", parents: [gone.version] })]);
    expect(log.head(EDGE).deleted).toBe(true);
    log.push([phone.edit(LAMP, {}, { parents: [log.head(LAMP).version] })]);
    expect(log.head(EDGE).deleted).toBe(false);
  });

  test("leaves an edge dead that a device deleted itself", () => {
    const { log, phone, room, edge } = setUp();
    log.push([phone.connect(EDGE, { from: LAMP, to: ROOM }, { parents: [edge.version], deleted: true })]);
    const gone = phone.remove(ROOM, [room.version], { type: "room" });
    log.push([gone]);
    log.push([phone.edit(ROOM, {}, { type: "room", parents: [gone.version] })]);
    expect(log.head(EDGE).deleted).toBe(true);
  });

  test("leaves an edge dead that a device deleted without knowing that it had gone", () => {
    const { log, phone, panel, room, edge } = setUp();
    const gone = phone.remove(ROOM, [room.version], { type: "room" });
    log.push([gone]);
    const removed = panel.connect(EDGE, { from: LAMP, to: ROOM }, { parents: [edge.version], deleted: true });
    const [divergence] = log.push([removed]).divergences;
    expect(divergence).toMatchObject({ serverCascade: true, local: { deleted: true } });
    const { local, localTimes } = must(divergence, "the delete has diverged");
    const content = { bodyJson: undefined, ends: "server", deleted: true, stamps: [] } as const;
    const decided = {
      record: local.record,
      localVersion: local.version,
      localTimes,
      decision: { kind: "merged", content },
      conflict: undefined,
    } as const;
    log.push([removed], { resolutions: [{ ...decided, serverVersion: log.head(EDGE).version }] });
    log.push([phone.edit(ROOM, {}, { type: "room", parents: [gone.version] })]);
    expect(log.head(EDGE).deleted).toBe(true);
  });

  test("gives an edit of a cascaded edge back as a divergence that says so", () => {
    const { log, phone, panel, room, edge } = setUp();
    log.push([phone.remove(ROOM, [room.version], { type: "room" })]);
    const edit = panel.connect(EDGE, { from: LAMP, to: HOME }, { parents: [edge.version] });
    const [divergence] = log.push([edit]).divergences;
    expect(divergence).toMatchObject({ serverCascade: true, server: { deleted: true } });
  });

  test("I9: a deleted record stays deleted under the edit of a device that was offline, until somebody restores it", () => {
    const { log, phone, panel, room } = setUp();
    log.push([phone.remove(ROOM, [room.version], { type: "room" })]);
    const edit = panel.edit(ROOM, { name: "edited offline" }, { type: "room", parents: [room.version] });
    expect(outcomesOf(log.push([edit]))).toEqual(["diverged"]);
    expect(log.head(ROOM).deleted).toBe(true);
  });

  test("tells a delete that did not know of a restore", () => {
    const { log, phone, panel, room } = setUp();
    const gone = phone.remove(ROOM, [room.version], { type: "room" });
    log.push([gone]);
    log.push([phone.edit(ROOM, {}, { type: "room", parents: [gone.version] })]);
    const [divergence] = log.push([panel.remove(ROOM, [room.version], { type: "room" })]).divergences;
    expect(divergence?.restored).toBe(true);
  });
});
