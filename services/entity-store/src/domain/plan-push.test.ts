import type { RecordId } from "@funkygibbon/kernel/ids";
import type { Divergence, Resolution } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog, START_US } from "../../test/memory-log.ts";

const LAMP = recordId(1);

function setUp() {
  return { log: new MemoryLog(), phone: new TestDevice("phone"), panel: new TestDevice("panel") };
}

function merged(divergence: Divergence, body: object, conflict?: Resolution["conflict"]): Resolution {
  return {
    record: divergence.local.record,
    localVersion: divergence.local.version,
    localTimes: divergence.localTimes,
    serverVersion: divergence.server.version,
    decision: {
      kind: "merged",
      content: { bodyJson: JSON.stringify(body), ends: "local", deleted: false, stamps: [] },
    },
    conflict,
  };
}

describe("the same change again", () => {
  test("I3: gets its first outcome, flagged, and changes nothing", () => {
    const { log, phone } = setUp();
    const create = phone.edit(LAMP, { name: "Lamp" });
    log.push([create]);
    const before = structuredClone(log.position);
    const [again] = log.push([create]).outcomes;
    expect(again).toMatchObject({ outcome: "applied", duplicate: true, headSeq: 1 });
    expect(log.position).toEqual(before);
  });

  test("counts as the same when only the order of parents and the spelling of the body differ", () => {
    const { log, phone, panel } = setUp();
    const a = phone.edit(LAMP, { name: "Lamp" });
    log.push([a]);
    const b = panel.edit(LAMP, { name: "Lamp", on: true }, { parents: [a.version] });
    log.push([b]);
    const both = phone.edit(LAMP, { name: "L", x: 1 }, { parents: [b.version, a.version] });
    log.push([both]);
    const spelt = {
      ...both,
      parents: [a.version, b.version],
      content: { ...both.content, bodyJson: ' { "x":1.0, "name":"L" } ' },
    } as typeof both;
    expect(log.push([spelt]).outcomes[0]).toMatchObject({ outcome: "applied", duplicate: true });
  });

  test("twice in one push is answered twice and stored once", () => {
    const { log, phone } = setUp();
    const create = phone.edit(LAMP, {});
    const { outcomes } = log.push([create, create]);
    expect(outcomes.map((outcome) => outcome?.duplicate)).toEqual([false, true]);
    expect(log.versions).toHaveLength(1);
  });
});

describe("classification", () => {
  test("plans chains in any order inside a push", () => {
    const { log, phone } = setUp();
    const a = phone.edit(LAMP, { v: 1 });
    const b = phone.edit(LAMP, { v: 2 }, { parents: [a.version] });
    const c = phone.edit(LAMP, { v: 3 }, { parents: [b.version] });
    expect(outcomesOf(log.push([c, a, b]))).toEqual(["applied", "applied", "applied"]);
    expect(log.head(LAMP).version).toBe(c.version);
    expect(log.versions.map((version) => version.version)).toEqual([a.version, b.version, c.version]);
  });

  test("accepts a squashed edit that names the head behind edits that were never sent", () => {
    const { log, phone } = setUp();
    const a = phone.edit(LAMP, { v: 1 });
    log.push([a]);
    phone.sequence += 3;
    expect(outcomesOf(log.push([phone.edit(LAMP, { v: 5 }, { parents: [a.version] })]))).toEqual(["applied"]);
  });

  test("stores an ancestor that comes late as history, without a conflict", () => {
    const { log, phone } = setUp();
    const a = phone.edit(LAMP, { v: 1 });
    log.push([a]);
    const b = phone.edit(LAMP, { v: 2 }, { parents: [a.version] });
    const c = phone.edit(LAMP, { v: 3 }, { parents: [b.version, a.version] });
    log.push([c]);
    expect(outcomesOf(log.push([b]))).toEqual(["superseded"]);
    expect(log.head(LAMP).version).toBe(c.version);
    expect(log.conflicts.size).toBe(0);
  });

  test("keeps an update of a record that nobody knows for a person, never as a create", () => {
    const { log, phone } = setUp();
    const lost = phone.edit(LAMP, { v: 1 });
    const update = phone.edit(LAMP, { v: 2 }, { parents: [lost.version] });
    const { outcomes, conflicts } = log.push([update]);
    expect(outcomes[0]).toMatchObject({ outcome: "pending_review", headSeq: 0 });
    expect(conflicts).toMatchObject([{ type: "version_mismatch", decision: "open", serverVersion: undefined }]);
    // A later edit on top joins the same conflict.
    const later = phone.edit(LAMP, { v: 3 }, { parents: [update.version] });
    expect(outcomesOf(log.push([later]))).toEqual(["pending_review"]);
    expect(log.openConflicts()).toMatchObject([{ localVersion: later.version, etag: "2" }]);
  });

  test("gives a diverged edit back with head, base and the edits below it, and stores nothing", () => {
    const { log, phone, panel } = setUp();
    const base = phone.edit(LAMP, { v: 1 });
    log.push([base]);
    const head = panel.edit(LAMP, { v: 2 }, { parents: [base.version] });
    log.push([head]);
    const below = phone.edit(LAMP, { v: 3 }, { parents: [base.version] });
    const tip = phone.edit(LAMP, { v: 4 }, { parents: [below.version] });
    const result = log.push([tip, below]);
    expect(outcomesOf(result)).toEqual(["diverged", "diverged"]);
    expect(result.divergences).toHaveLength(1);
    expect(result.divergences[0]).toMatchObject({
      local: { version: tip.version },
      server: { version: head.version },
      base: { version: base.version },
      restored: false,
      serverCascade: false,
    });
    expect(log.versions).toHaveLength(2);
  });

  test("refuses a push of another epoch as a whole", () => {
    const { log, phone } = setUp();
    expect(() => log.push([phone.edit(LAMP, {})], { epoch: "0192f3b0-7c4e-7a10-8f2d-ffffffffffff" })).toThrow(
      expect.objectContaining({ kind: "failed-precondition", reason: "EPOCH_CHANGED" }),
    );
    expect(log.versions).toEqual([]);
  });

  test("one bad change never sinks its push", () => {
    const { log, phone } = setUp();
    const good = phone.edit(LAMP, {});
    const bad = phone.edit("not-a-uuid", {});
    const alsoGood = phone.edit(recordId(2), {});
    expect(outcomesOf(log.push([good, bad, alsoGood]))).toEqual(["applied", "rejected", "applied"]);
  });
});

describe("resolutions", () => {
  function diverge() {
    const setup = setUp();
    const { log, phone, panel } = setup;
    const base = phone.edit(LAMP, { a: 1, b: 1 });
    log.push([base]);
    const head = panel.edit(LAMP, { a: 2, b: 1 }, { parents: [base.version] });
    log.push([head]);
    const below = phone.edit(LAMP, { a: 1, b: 2 }, { parents: [base.version] });
    const tip = phone.edit(LAMP, { a: 1, b: 3 }, { parents: [below.version] });
    const [divergence] = log.push([below, tip]).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    return { ...setup, base, head, below, tip, divergence };
  }

  test("a merge has both sides as parents, continues the chain, and keeps everybody's edit", () => {
    const { log, head, below, tip, divergence } = diverge();
    const result = log.push([below, tip], { resolutions: [merged(divergence, { a: 2, b: 3 })] });
    expect(outcomesOf(result)).toEqual(["merged", "merged"]);
    expect(log.head(LAMP)).toMatchObject({ parents: [head.version, tip.version], outcome: "applied" });
    expect(log.head(LAMP).version).toMatch(/-merge\.9b7e4d21-000005$/);
    expect(log.head(LAMP).content.body).toEqual({ a: 2, b: 3 });
    expect(log.versions.map((version) => version.outcome)).toEqual([
      "applied",
      "applied",
      "merged",
      "merged",
      "applied",
    ]);
  });

  test("a merge against a head that has moved is refused and comes back as a new divergence", () => {
    const { log, panel, head, below, tip, divergence } = diverge();
    const moved = panel.edit(LAMP, { a: 9, b: 1 }, { parents: [head.version] });
    log.push([moved]);
    const result = log.push([below, tip], { resolutions: [merged(divergence, { a: 2, b: 3 })] });
    expect(outcomesOf(result)).toEqual(["diverged", "diverged"]);
    expect(result.divergences[0]?.server.version).toBe(moved.version);
  });

  test("is decided again when another push of its device was committed meanwhile, by which it counts as older", () => {
    const { log, phone, panel } = setUp();
    const second = (count: number) => ({ atUs: START_US + count * 1_000_000 });
    const base = panel.edit(LAMP, { note: "base" }, second(0));
    const head = panel.edit(LAMP, { note: "panel" }, { parents: [base.version], ...second(2) });
    log.push([base, head]);
    const ours = phone.edit(LAMP, { note: "phone" }, { parents: [base.version], ...second(3) });
    const [divergence] = log.push([ours]).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    expect(divergence.local.effectiveUs).toBeGreaterThan(divergence.server.effectiveUs);

    // The phone's clock has stepped back.
    log.push([phone.edit(recordId(2), { name: "Other" }, second(1))]);
    const again = log.push([ours], { resolutions: [merged(divergence, { note: "phone" })] });
    expect(outcomesOf(again)).toEqual(["diverged"]);
    expect(again.divergences[0]?.local.effectiveUs).toBeLessThan(divergence.server.effectiveUs);
  });

  test("a loser is history, is the base of what is built on it, and its conflict names it", () => {
    const { log, phone, head, below, tip, divergence } = diverge();
    const resolution: Resolution = {
      record: LAMP as RecordId,
      localVersion: tip.version as VersionId,
      localTimes: divergence.localTimes,
      serverVersion: divergence.server.version,
      decision: { kind: "keep_head" },
      conflict: { type: "content_conflict", strategy: "accept_server", decision: "kept_server", fields: [] },
    };
    const result = log.push([below, tip], { resolutions: [resolution] });
    expect(outcomesOf(result)).toEqual(["superseded", "superseded"]);
    expect(result.conflicts).toMatchObject([{ localVersion: tip.version, serverVersion: head.version }]);
    const later = phone.edit(LAMP, { a: 1, b: 4 }, { parents: [tip.version] });
    expect(log.push([later]).divergences[0]?.base?.version).toBe(tip.version);
  });

  test("of one record that do not build on each other are decided one after another: each moves the head of the next", () => {
    const { log, panel, phone } = setUp();
    const base = panel.edit(LAMP, { a: 1 });
    log.push([base]);
    log.push([panel.edit(LAMP, { a: 2 }, { parents: [base.version] })]);
    const first = phone.edit(LAMP, { a: 1, b: 1 }, { parents: [base.version] });
    const second = phone.edit(LAMP, { a: 1, c: 1 }, { parents: [base.version] });
    const [divergence, ...more] = log.push([first, second]).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    expect([divergence.local.version, more]).toEqual([first.version, []]);
    const result = log.push([first, second], { resolutions: [merged(divergence, { a: 2, b: 1 })] });
    expect(outcomesOf(result)).toEqual(["merged", "diverged"]);
    expect(result.divergences).toMatchObject([{ local: { version: second.version }, server: log.head(LAMP) }]);
  });

  test("that name each other as parents diverge as if the earlier one did not, instead of waiting for each other", () => {
    const { log, phone, panel } = setUp();
    const base = panel.edit(LAMP, { a: 1 });
    log.push([base]);
    log.push([panel.edit(LAMP, { a: 2 }, { parents: [base.version] })]);
    const earlier = phone.edit(LAMP, { a: 1, b: 1 });
    const later = phone.edit(LAMP, { a: 1, b: 2 }, { parents: [earlier.version] });
    const { divergences } = log.push([{ ...earlier, parents: [base.version, later.version] }, later]);
    expect(divergences.map(({ local }) => local.version)).toEqual([later.version]);
  });

  test("are planned although each of them builds on several others: there are more ways through them than could be walked", () => {
    const { log, phone, panel } = setUp();
    const base = panel.edit(LAMP, { a: 1 });
    log.push([base]);
    log.push([panel.edit(LAMP, { a: 2 }, { parents: [base.version] })]);
    const edits = [base];
    for (let n = 0; n < 80; n++) {
      const parents = edits.slice(-3).map(({ version }) => version);
      edits.push(phone.edit(LAMP, { a: 1, n }, { parents }));
    }
    const [, ...pushed] = edits;
    const [divergence, ...more] = log.push(pushed).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    expect([divergence.local.version, more]).toEqual([edits.at(-1)?.version, []]);
    const result = log.push(pushed, { resolutions: [merged(divergence, { a: 2, n: 79 })] });
    expect(new Set(outcomesOf(result))).toEqual(new Set(["merged"]));
  });

  test("what waits for a person is no base, and a merge on top of it closes its conflict", () => {
    const { log, phone, base, below, tip, divergence } = diverge();
    const pending = { ...merged(divergence, {}), decision: { kind: "pending" } } as const;
    expect(outcomesOf(log.push([below, tip], { resolutions: [pending] }))).toEqual([
      "pending_review",
      "pending_review",
    ]);
    const later = phone.edit(LAMP, { a: 1, b: 4 }, { parents: [tip.version] });
    const [again] = log.push([later]).divergences;
    if (again === undefined) throw new Error("must diverge");
    expect(again.base?.version).toBe(base.version);
    const joined = { ...merged(again, {}), decision: { kind: "pending" } } as const;
    log.push([later], { resolutions: [joined] });
    expect(log.openConflicts()).toMatchObject([{ localVersion: later.version }]);
    const last = phone.edit(LAMP, { a: 2, b: 5 }, { parents: [later.version, log.head(LAMP).version] });
    expect(outcomesOf(log.push([last]))).toEqual(["applied"]);
    expect([...log.conflicts.values()]).toMatchObject([{ decision: "closed", resolvedVersion: last.version }]);
  });

  test("a merge that exceeds a limit waits for a person", () => {
    const { log, below, tip, divergence } = diverge();
    const result = log.push([below, tip], { resolutions: [merged(divergence, { big: "x".repeat(70_000) })] });
    expect(outcomesOf(result)).toEqual(["pending_review", "pending_review"]);
  });
});

describe("heals", () => {
  const heal = (device: string) => ({ author: "bob", device, stamps: () => [], effectiveUs: 5 });

  test("bring back a lost version as head, with its author, device and time, even of reserved devices", () => {
    const { log } = setUp();
    const lost = new TestDevice("merge.0000aaaa");
    const change = lost.edit(LAMP, { v: 1 }, { parents: ["2026-11-22T09:00:00.000Z-x-001"], heal: heal(lost.name) });
    const { outcomes } = log.push([change], { device: "phone" });
    expect(outcomes).toMatchObject([{ outcome: "applied" }]);
    expect(log.head(LAMP)).toMatchObject({ author: "bob", healer: "ada", device: "merge.0000aaaa", effectiveUs: 5 });
  });

  test("of a record with another head diverge as heals and open no conflict", () => {
    const { log, phone, panel } = setUp();
    log.push([phone.edit(LAMP, { v: 1 })]);
    const lost = panel.edit(LAMP, { v: 2 }, { parents: ["2026-11-22T09:00:00.000Z-x-001"], heal: heal("panel") });
    const [divergence] = log.push([lost], { device: "phone" }).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    const draft = { type: "content_conflict", strategy: "merge", decision: "merged", fields: [] } as const;
    log.push([lost], { device: "phone", resolutions: [merged(divergence, { v: 2 }, draft)] });
    expect(log.conflicts.size).toBe(0);
    expect(log.versions.find(({ version }) => version === lost.version)).toMatchObject({ healer: "ada" });
    expect(log.head(LAMP).content.body).toEqual({ v: 2 });
  });

  test("of what this epoch's own server minted are rejected: the log has all of that, and will mint again", () => {
    const { log, phone } = setUp();
    const forged = new TestDevice("merge.9b7e4d21");
    const change = forged.edit(LAMP, { v: 1 }, { heal: heal(forged.name) });
    const [outcome] = log.push([change], { device: "phone" }).outcomes;
    expect(outcome).toMatchObject({
      outcome: "rejected",
      rejection: { reason: "MINTED_HERE", field: "heal.device_id" },
    });
    expect(log.versions).toEqual([]);
    log.push([phone.edit(LAMP, { v: 1 })]);
    log.api({ kind: "delete", record: LAMP as RecordId, recordKind: "entity", expected: "any" });
    const minted = log.head(LAMP);
    const content = { kind: "entity", type: "device", source: "manual", bodyJson: "" } as const;
    const resent = { ...change, version: minted.version, parents: minted.parents, content, deleted: true };
    const [known] = log.push([{ ...resent, heal: heal(minted.device) }], { device: "phone" }).outcomes;
    expect(known).toMatchObject({ outcome: "applied", duplicate: true });
  });

  test("never come from the future", () => {
    const { log, panel } = setUp();
    const future = { ...heal("panel"), effectiveUs: log.nowUs * 2 };
    log.push([panel.edit(LAMP, {}, { heal: future })], { device: "phone", receivedUs: log.nowUs });
    expect(log.head(LAMP).effectiveUs).toBeLessThanOrEqual(log.nowUs);
  });
});
