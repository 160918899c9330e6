import type { DeviceId } from "@funkygibbon/kernel/ids";
import type { IncomingHeal } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { parseVersion } from "@funkygibbon/kernel/version";
import { expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog, START_US } from "../../test/memory-log.ts";

const LAMP = recordId(1);
const HOUR_US = 3_600_000_000;

/** A home whose log was lost: a panel has what it made of the lamp after edits of a phone. */
function afterRestore() {
  const log = new MemoryLog();
  log.nowUs = START_US + 90 * HOUR_US;
  const phone = new TestDevice("phone");
  const panel = new TestDevice("panel");
  const heal = (effectiveUs: number, stamps: Readonly<Record<string, readonly [TestDevice, number, number]>> = {}) =>
    ({
      author: "bob",
      device: panel.name,
      effectiveUs,
      stamps: () =>
        Object.entries(stamps).map(([key, [device, sequence, atUs]]) => ({
          stamp: { effectiveUs: atUs, device: device.name as DeviceId, sequence },
          keys: [key],
        })),
    }) satisfies IncomingHeal;
  /** By a clock that was set back two days since the lost log had the edit. */
  const resend = (...changes: readonly ReturnType<TestDevice["edit"]>[]) =>
    log.push(changes, { receivedUs: log.nowUs, clockOffsetUs: -48 * HOUR_US });
  return { log, phone, panel, heal, resend };
}

/** The time of an edit that has diverged. */
function divergedUs({ divergences }: ReturnType<MemoryLog["push"]>): number | undefined {
  return divergences[0]?.local.effectiveUs;
}

test("an edit that stands in the stamps of its healed head is of the time that it has there", () => {
  const { log, phone, panel, heal, resend } = afterRestore();
  const edit = phone.edit(LAMP, { on: true });
  const healed = panel.edit(LAMP, { on: true, v: 2 }, { heal: heal(START_US + 9, { on: [phone, 1, START_US + 7] }) });
  log.push([healed], { device: "panel" });
  expect(divergedUs(resend(edit))).toBe(START_US + 7);
});

test("a heal that knows an edit by another time than the log takes the log's", () => {
  const { log, phone, panel, heal } = afterRestore();
  const edit = phone.edit(LAMP, { on: true }, { atUs: START_US + HOUR_US });
  log.push([edit]);
  const parents = [edit.version];
  const stamps = { on: [phone, 1, START_US + 7], gone: [phone, 2, START_US + 8] } as const;
  log.push([panel.edit(LAMP, { on: true, v: 2 }, { parents, heal: heal(START_US + 9, stamps) })], { device: "panel" });
  const second = new TestDevice("wall");
  const fromWall = { ...heal(START_US + 10, { on: [phone, 1, 5], gone: [phone, 2, 6], v: [panel, 1, 7] }) };
  const next = second.edit(LAMP, { on: true, v: 2 }, { parents: [log.head(LAMP).version] });
  log.push([{ ...next, heal: { ...fromWall, device: "wall" } }], { device: "panel" });
  expect(log.head(LAMP).device).toBe("wall");
  const times = log.head(LAMP).stamps.map(({ stamp, keys }) => [...keys, stamp.effectiveUs - START_US]);
  // What it says of the phone's second edit, which nobody else has, the head had said before it: later than the first.
  expect(times).toEqual([
    ["on", HOUR_US],
    ["gone", HOUR_US],
    ["v", HOUR_US + 1],
  ]);
});

test("a heal stays newer than what it had overwritten, although that came first and was judged later this time", () => {
  const { log, phone, panel, heal } = afterRestore();
  const create = phone.edit(LAMP, { on: true, v: 1 }, { atUs: START_US + HOUR_US });
  log.push([create]);
  const stamps = { on: [phone, 1, START_US + 7] } as const;
  const overwrites = panel.edit(LAMP, { on: true, v: 2 }, { heal: heal(START_US + 9, stamps) });
  expect(divergedUs(log.push([overwrites], { device: "panel" }))).toBe(START_US + HOUR_US + 1);
});

test("a heal whose own edit stands in the stamps of the head is of the time that it has there", () => {
  const { log, panel, heal } = afterRestore();
  const wall = new TestDevice("wall");
  const later = wall.edit(LAMP, { on: true, v: 3 });
  const stamps = () => [
    { stamp: { effectiveUs: START_US + 5, device: panel.name as DeviceId, sequence: 1 }, keys: ["on"] },
  ];
  log.push([{ ...later, heal: { author: "bob", device: "wall", effectiveUs: START_US + 9, stamps } }]);
  const result = log.push([panel.edit(LAMP, { on: true }, { heal: heal(START_US + 6) })], { device: "wall" });
  expect(divergedUs(result)).toBe(START_US + 5);
});

test("an edit on top of one that the log knows only by stamps is not older than that", () => {
  const { log, phone, panel, heal, resend } = afterRestore();
  const before = panel.edit(LAMP, { on: true });
  const healed = panel.edit(
    LAMP,
    { on: true, v: 2 },
    { heal: heal(START_US + HOUR_US, { on: [panel, 1, START_US + 7] }) },
  );
  log.push([healed], { device: "panel" });
  const edit = phone.edit(LAMP, { on: false }, { parents: [before.version], atUs: START_US - 72 * HOUR_US });
  expect(divergedUs(resend(edit))).toBe(START_US + 8);
});

test("I7: an edit lies between those of its device that stand in the stamps of its head", () => {
  const { log, phone, panel, heal, resend } = afterRestore();
  const early = phone.edit(LAMP, { a: 1 }, { atUs: START_US + 40 * HOUR_US });
  const between = phone.edit(LAMP, { b: 1 }, { atUs: START_US - 80 * HOUR_US });
  const stamps = { c: [phone, 3, START_US + 20], d: [phone, 1, START_US + 10] } as const;
  log.push([panel.edit(LAMP, { c: 1, d: 1 }, { heal: heal(START_US + 30, stamps) })], { device: "panel" });
  expect(divergedUs(resend(early))).toBe(START_US + 10);
  expect(divergedUs(resend(between))).toBe(START_US + 10);
  const late = { ...early, version: early.version.replace(/-\d+$/, "-002") as VersionId };
  expect(parseVersion(late.version).sequence).toBe(2);
  expect(divergedUs(resend(late))).toBe(START_US + 20);
});

test("I7: a heal is not newer than a later edit of its device that is the head already", () => {
  const { log, phone, panel, heal } = afterRestore();
  const early = phone.edit(LAMP, { a: 1 });
  log.push([phone.edit(LAMP, { a: 2 }, { atUs: START_US })]);
  const healed = { ...early, heal: { ...heal(START_US + HOUR_US), device: phone.name } };
  expect(divergedUs(log.push([healed], { device: panel.name }))).toBe(START_US);
});

test("I7: a heal is not older than an earlier edit of its device that the head stands on", () => {
  const { log, phone, panel, heal } = afterRestore();
  const early = phone.edit(LAMP, { a: 1 }, { atUs: START_US + HOUR_US });
  const late = phone.edit(LAMP, { b: 1 }, { parents: [early.version] });
  log.push([early]);
  log.push([panel.edit(LAMP, { a: 1, c: 1 }, { parents: [early.version], atUs: START_US + 2 * HOUR_US })]);
  const healed = { ...late, heal: { ...heal(START_US + 7), device: phone.name } };
  expect(divergedUs(log.push([healed], { device: panel.name }))).toBe(START_US + HOUR_US);
});

test("an edit of another record under a sequence that the stamps name is not taken for theirs", () => {
  const { log, phone, panel, heal } = afterRestore();
  const elsewhere = phone.edit(recordId(2), {}, { atUs: START_US + HOUR_US });
  log.push([elsewhere]);
  const stamps = { on: [phone, 1, START_US + 7] } as const;
  log.push([panel.edit(LAMP, { on: true, v: 2 }, { heal: heal(START_US + 9, stamps) })], { device: "panel" });
  expect(log.head(LAMP).stamps).toMatchObject([{ stamp: { effectiveUs: START_US + 7 } }]);
});

test("neither a heal nor its stamps come from the future of the log, whatever a coordinator takes for the time", () => {
  const { log, phone, panel, heal } = afterRestore();
  const futureUs = START_US + 1_000 * HOUR_US;
  const edit = panel.edit(LAMP, { on: true, v: 2 }, { heal: heal(futureUs, { on: [phone, 1, futureUs] }) });
  log.push([edit], { device: "panel", receivedUs: futureUs });
  const { effectiveUs, stamps, committedUs } = log.head(LAMP);
  expect(effectiveUs).toBe(committedUs);
  expect(stamps).toMatchObject([{ stamp: { effectiveUs: committedUs } }]);
});
