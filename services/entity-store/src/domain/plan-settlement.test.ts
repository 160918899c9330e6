import { must } from "@funkygibbon/kernel/must";
import type { Divergence, Resolution } from "@funkygibbon/kernel/record";
import { describe, expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog } from "../../test/memory-log.ts";

const LAMP = recordId(1);

/** A person shall decide. */
function waits({ local, localTimes, server }: Divergence): Resolution {
  return {
    record: local.record,
    localVersion: local.version,
    localTimes,
    serverVersion: server.version,
    decision: { kind: "pending" },
    conflict: { type: "content_conflict", strategy: "manual", decision: "open", fields: [] },
  };
}

/** A conflict that waits: the head says {a: 2}, the device {a: 3}. */
function withOpenConflict() {
  const log = new MemoryLog();
  const phone = new TestDevice("phone");
  const panel = new TestDevice("panel");
  const base = phone.edit(LAMP, { a: 1 });
  log.push([base]);
  const head = panel.edit(LAMP, { a: 2 }, { parents: [base.version] });
  log.push([head]);
  const local = phone.edit(LAMP, { a: 3 }, { parents: [base.version] });
  const [divergence] = log.push([local]).divergences;
  if (divergence === undefined) throw new Error("must diverge");
  log.push([local], {
    resolutions: [waits(divergence)],
  });
  const id = log.openConflicts()[0]?.id ?? "";
  return { log, phone, panel, base, head, local, id };
}

const taken = { bodyJson: '{"a":3}', ends: "local", deleted: false, stamps: [] } as const;

describe("a person's decision", () => {
  test("becomes a version with both sides as parents and settles the conflict", () => {
    const { log, head, local, id } = withOpenConflict();
    const result = log.settle(id, "took_local", taken);
    expect(result.head).toMatchObject({ parents: [head.version, local.version], content: { body: { a: 3 } } });
    expect(result.conflict).toMatchObject({
      decision: "took_local",
      resolvedVersion: result.head?.version,
      settledBy: "ada",
      etag: "2",
    });
    expect(log.openConflicts()).toEqual([]);
  });

  test("about an edge may lead it where the head led it when the conflict was found, whatever it says since", () => {
    const { log, phone, panel, head } = withOpenConflict();
    const [edge, ...rooms] = [10, 11, 12, 13].map(recordId);
    const [kitchen, hall, attic] = rooms.map((room) => must(room, "there are three"));
    const record = must(edge, "there is one");
    log.push(rooms.map((room) => phone.edit(room, {}, { type: "room" })));
    const to = (device: TestDevice, room: string | undefined, parents: string[] = []) =>
      device.connect(record, { from: LAMP, to: must(room, "a room") }, { parents });
    const placed = to(phone, kitchen);
    log.push([placed]);
    const found = to(panel, hall, [placed.version]);
    log.push([found]);
    const local = to(phone, attic, [placed.version]);
    log.push([local], { resolutions: log.push([local]).divergences.map(waits) });
    log.push([to(panel, kitchen, [found.version])]);
    const id = must(
      log.openConflicts().find((row) => row.record === record),
      "it waits",
    ).id;
    log.settle(id, "merged", { bodyJson: "{}", ends: "found", deleted: false, stamps: [] });
    expect(log.head(record)).toMatchObject({ content: { from: LAMP, to: hall }, deleted: false });
    expect(log.head(LAMP).version).toBe(head.version);
  });

  test("may not ask for the head that a conflict was found against where there was none", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const lost = phone.edit(LAMP, { a: 1 });
    log.push([phone.edit(LAMP, { a: 2 }, { parents: [lost.version] })]);
    const id = must(log.openConflicts()[0], "nobody knows what it was made upon").id;
    const content = { bodyJson: '{"a":2}', ends: "found", deleted: false, stamps: [] } as const;
    expect(() => log.settle(id, "took_local", content)).toThrow(
      expect.objectContaining({ kind: "invalid", fields: [expect.objectContaining({ field: "content.ends" })] }),
    );
  });

  test("stands against the sides: the key that was decided bears the decision's own stamp", () => {
    const { log, id } = withOpenConflict();
    log.settle(id, "took_local", taken);
    expect(log.head(LAMP).stamps).toEqual([]);
    expect(log.head(LAMP).effectiveUs).toBe(log.head(LAMP).committedUs);
  });

  test("to keep the head writes no version, and what waited is a base from then on", () => {
    const { log, phone, local, id } = withOpenConflict();
    const versions = log.versions.length;
    expect(log.settle(id, "kept_server").head?.content.body).toEqual({ a: 2 });
    expect(log.versions).toHaveLength(versions);
    const later = phone.edit(LAMP, { a: 3, b: 1 }, { parents: [local.version] });
    expect(log.push([later]).divergences[0]?.base?.version).toBe(local.version);
  });

  test("is refused when the conflict or the head has moved since the person looked", () => {
    const { log, panel, head, id } = withOpenConflict();
    const stale = expect.objectContaining({ kind: "stale" });
    expect(() => log.settle(id, "took_local", taken, { etag: "0" })).toThrow(stale);
    log.push([panel.edit(LAMP, { a: 9 }, { parents: [head.version] })]);
    expect(() => log.settle(id, "took_local", taken, { expectedHead: head.version as never })).toThrow(stale);
    expect(log.openConflicts()).toHaveLength(1);
  });

  test("is remembered with its request for a day, also where it writes no version and nothing was committed for long", () => {
    const { log, id } = withOpenConflict();
    log.nowUs += 48 * 3_600_000_000;
    const request = { id: "r1", fingerprint: "f" };
    const { etag } = log.openConflicts()[0] ?? {};
    expect(log.settle(id, "kept_server", undefined, { request })).toMatchObject({ replayed: false });
    expect(log.settle(id, "kept_server", undefined, { request, etag: etag ?? "" })).toMatchObject({ replayed: true });
  });

  test("sent again is answered as it was, whatever became of conflict and record since", () => {
    for (const content of [taken, undefined]) {
      const { log, panel, head, id } = withOpenConflict();
      const request = { id: "r1", fingerprint: "f" };
      const etag = log.openConflicts()[0]?.etag ?? "";
      const first = log.settle(id, content ? "took_local" : "kept_server", content, { request });
      log.settle(id, "edited", { ...taken, bodyJson: '{"a":4}' });
      log.push([panel.remove(LAMP, [log.head(LAMP).version, head.version])]);
      const again = log.settle(id, "kept_server", undefined, { request, etag });
      expect(again).toMatchObject({
        replayed: true,
        head: first.head,
        conflict: JSON.parse(JSON.stringify(first.conflict)),
      });
    }
  });

  test("of a record that had no head is answered without one when it is sent again", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const lost = phone.edit(LAMP, { a: 1 });
    const [conflict] = log.push([phone.edit(LAMP, { a: 2 }, { parents: [lost.version] })]).conflicts;
    const id = conflict?.id ?? "";
    const request = { id: "r1", fingerprint: "f" };
    expect(log.settle(id, "kept_server", undefined, { request }).head).toBeUndefined();
    log.settle(id, "took_local", { ...taken, bodyJson: '{"a":2}' });
    expect(log.settle(id, "kept_server", undefined, { request })).toMatchObject({ replayed: true, head: undefined });
  });

  test("can be taken again", () => {
    const { log, id } = withOpenConflict();
    log.settle(id, "took_local", taken);
    const again = log.settle(id, "edited", { ...taken, bodyJson: '{"a":4}' });
    expect(again.conflict).toMatchObject({ decision: "edited", etag: "3" });
    expect(log.head(LAMP).content.body).toEqual({ a: 4 });
  });

  test("deletes the record when that is the decision, with its own etag moving once", () => {
    const { log, id } = withOpenConflict();
    const result = log.settle(id, "merged", { bodyJson: undefined, ends: "server", deleted: true, stamps: [] });
    expect(result.head?.deleted).toBe(true);
    expect(result.conflict).toMatchObject({ decision: "merged", etag: "2" });
  });

  test("brings an update of an unknown record in", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const lost = phone.edit(LAMP, { a: 1 });
    const update = phone.edit(LAMP, { a: 2 }, { parents: [lost.version] });
    const [conflict] = log.push([update]).conflicts;
    const result = log.settle(conflict?.id ?? "", "took_local", { ...taken, bodyJson: '{"a":2}' });
    expect(result.head).toMatchObject({ parents: [update.version], content: { body: { a: 2 } } });
  });
});

test("a conflict about a record that nobody knew closes when that is deleted by somebody who did not know it either", () => {
  const log = new MemoryLog();
  const phone = new TestDevice("phone");
  const lost = phone.edit(LAMP, { a: 1 });
  log.push([phone.edit(LAMP, { a: 2 }, { parents: [lost.version] })]);
  expect(log.openConflicts()).toHaveLength(1);
  log.push([phone.remove(LAMP, [])]);
  expect(log.openConflicts()).toEqual([]);
});

test("a conflict closes by itself when its record is deleted", () => {
  const { log, panel, head } = withOpenConflict();
  log.push([panel.remove(LAMP, [head.version])]);
  expect([...log.conflicts.values()]).toMatchObject([{ decision: "closed", settledBy: undefined }]);
});
