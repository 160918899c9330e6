import { MAX_PARENTS } from "@funkygibbon/kernel/limits";
import { must } from "@funkygibbon/kernel/must";
import type { Resolution } from "@funkygibbon/kernel/record";
import { describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog } from "../../test/memory-log.ts";

/** A commit reads at most a dozen times: what the parts of a plan miss is asked for at once, however many they are. */
const ROOM = recordId(1);
const LAMPS = Array.from({ length: 40 }, (_, n) => recordId(100 + n));

describe("while a conflict waits, a room with forty lamps in it", () => {
  function setUp() {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const room = phone.edit(ROOM, {}, { type: "room" });
    const lamps = LAMPS.map((lamp) => phone.edit(lamp, {}));
    const edges = LAMPS.map((lamp, n) => phone.connect(recordId(200 + n), { from: lamp, to: ROOM }));
    log.push([room, ...lamps, ...edges]);
    log.push([phone.edit(recordId(2), {}, { parents: ["2020-01-01T00:00:00Z-lost-000001"] })]);
    expect(log.openConflicts()).toHaveLength(1);
    return { log, phone, room };
  }
  const target = { record: ROOM as never, recordKind: "entity", expected: "any" } as const;

  test("is deleted and restored by a device", () => {
    const { log, phone, room } = setUp();
    const gone = phone.remove(ROOM, [room.version], { type: "room" });
    expect(outcomesOf(log.push([gone]))).toEqual(["applied"]);
    const back = phone.edit(ROOM, {}, { type: "room", parents: [gone.version] });
    expect(outcomesOf(log.push([back]))).toEqual(["applied"]);
    expect(log.heads.get(recordId(239) as never)?.deleted).toBe(false);
  });

  test("is deleted and restored through the API", () => {
    const { log } = setUp();
    expect(log.api({ ...target, kind: "delete" }).cascaded).toHaveLength(40);
    expect(log.api({ ...target, kind: "restore", version: undefined }).cascaded).toHaveLength(40);
  });

  test("is deleted by a merge, and by a person's decision", () => {
    const { log, phone, room } = setUp();
    log.push([phone.edit(ROOM, { name: "Den" }, { type: "room", parents: [room.version] })]);
    const remove = new TestDevice("panel").remove(ROOM, [room.version], { type: "room" });
    const deleted = { bodyJson: undefined, ends: "server", deleted: true, stamps: [] } as const;
    const decide = (decision: Resolution["decision"]) => {
      const { local, localTimes, server } = must(log.push([remove]).divergences[0], "the delete has diverged");
      const names = { record: local.record, localVersion: local.version, localTimes, serverVersion: server.version };
      return log.push([remove], { resolutions: [{ ...names, decision, conflict: undefined }] });
    };
    const { outcomes, conflicts } = decide({ kind: "pending" });
    expect(outcomes).toMatchObject([{ outcome: "pending_review" }]);
    log.settle(conflicts[0]?.id ?? "", "took_local", deleted);
    expect(log.heads.get(recordId(239) as never)?.cascaded).toBe(true);
    log.api({ ...target, kind: "restore", version: undefined });
    const late = new TestDevice("hub").remove(ROOM, [room.version], { type: "room" });
    const { local, localTimes, server } = must(log.push([late]).divergences[0], "the delete has diverged");
    const names = { record: local.record, localVersion: local.version, localTimes, serverVersion: server.version };
    const merged = { ...names, decision: { kind: "merged", content: deleted }, conflict: undefined } as const;
    expect(log.push([late], { resolutions: [merged] }).outcomes).toMatchObject([{ outcome: "merged" }]);
    expect(log.heads.get(recordId(239) as never)?.cascaded).toBe(true);
  });
});

describe(`an edit with ${MAX_PARENTS} parents`, () => {
  const panel = new TestDevice("panel");

  test("that are all in the log is compared with all of them", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const parents: string[] = [];
    for (let n = 0; n < MAX_PARENTS + 1; n++) {
      const edit = phone.edit(ROOM, { n }, { parents: parents.slice(-1) });
      log.push([edit]);
      parents.push(edit.version);
    }
    const late = panel.edit(ROOM, { n: -1 }, { parents: parents.slice(0, MAX_PARENTS) });
    expect(outcomesOf(log.push([late]))).toEqual(["diverged"]);
  });

  test("that nobody knows waits for a person", () => {
    const log = new MemoryLog();
    const lost = new TestDevice("lost");
    const parents = Array.from({ length: MAX_PARENTS }, () => lost.edit(ROOM, {}).version);
    expect(outcomesOf(log.push([panel.edit(ROOM, {}, { parents })]))).toEqual(["pending_review"]);
  });
});
