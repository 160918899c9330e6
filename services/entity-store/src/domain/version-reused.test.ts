import type { IncomingChange } from "@funkygibbon/kernel/record";
import { describe, expect, test } from "vitest";
import { outcomesOf, recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog } from "../../test/memory-log.ts";

const LAMP = recordId(1);
const BOX = recordId(2);
const OLD = "2026-11-22T08:00:00.000Z-panel-000001";
const entity = { kind: "entity", type: "device", source: "manual", bodyJson: '{"name":"Lamp"}' } as const;

/** The edit of a lamp, and another one under the same sequence. */
function twins(changed: Partial<IncomingChange>) {
  const first = new TestDevice("phone").edit(LAMP, { name: "Lamp" });
  return { first, twin: { ...first, ...changed } };
}

const reused = { outcome: "rejected", rejection: { reason: "VERSION_REUSED", field: "version" } };

describe.each<[string, Partial<IncomingChange>]>([
  ["another content", { content: { ...entity, bodyJson: '{"name":"Other"}' } }],
  ["another type", { content: { ...entity, type: "room" } }],
  ["another kind", { content: { ...entity, kind: "relationship", type: "depends_on", from: BOX, to: BOX } }],
  ["another record", { recordId: BOX }],
  ["parents", { parents: [OLD] }],
  ["a deletion", { deleted: true, content: { ...entity, bodyJson: "" } }],
  ["another spelling of the version", { version: "2026-11-22T09:00:01.000Z-phone-001" }],
  ["another time in the version", { version: "2026-11-22T09:00:02.000Z-phone-000001" }],
])("a sequence that comes with %s the second time", (_what, changed) => {
  test("is VERSION_REUSED against the log, which keeps what it has", () => {
    const { first, twin } = twins(changed);
    const log = new MemoryLog();
    log.push([first]);
    expect(log.push([twin]).outcomes).toMatchObject([reused]);
    expect(log.versions.map(({ version }) => version)).toEqual([first.version]);
  });

  test("is VERSION_REUSED within one push: the first one stands", () => {
    const { first, twin } = twins(changed);
    const log = new MemoryLog();
    expect(log.push([first, twin]).outcomes).toMatchObject([{ outcome: "applied", duplicate: false }, reused]);
    expect(log.versions.map(({ version }) => version)).toEqual([first.version]);
  });

  test("does not keep a resend in the same push from its first outcome (I3)", () => {
    const { first, twin } = twins(changed);
    const log = new MemoryLog();
    log.push([first]);
    const { outcomes } = log.push([twin, first, twin, first]);
    const resent = { outcome: "applied", duplicate: true };
    expect(outcomes).toMatchObject([reused, resent, reused, resent]);
    expect(log.versions).toHaveLength(1);
  });
});

test("what builds on a reused sequence in the same push is refused alike: its device gives both new versions", () => {
  for (const other of [LAMP, BOX]) {
    const log = new MemoryLog();
    log.push([new TestDevice("phone").edit(other, { name: "of the clone" })]);
    const phone = new TestDevice("phone");
    const first = phone.edit(LAMP, { name: "Lamp" });
    const second = phone.edit(LAMP, { name: "Lamp", on: true }, { parents: [first.version] });
    expect(log.push([second, first]).outcomes).toMatchObject([reused, reused]);
    expect(log.versions).toHaveLength(1);
  }
});

test("an edit that was rejected has not used its sequence", () => {
  const log = new MemoryLog();
  const { first, twin } = twins({ content: { ...entity, bodyJson: "{" } });
  expect(outcomesOf(log.push([twin]))).toEqual(["rejected"]);
  expect(log.push([first]).outcomes).toMatchObject([{ outcome: "applied", duplicate: false }]);
});
