import type { RecordId } from "@funkygibbon/kernel/ids";
import { describe, expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog, START_US } from "../../test/memory-log.ts";

const HOUR_US = 3_600_000_000;

describe("I7: effective time", () => {
  test("is the claimed time less the offset of the device's clock", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    log.push([phone.edit(recordId(1), {}, { atUs: START_US + HOUR_US })], { clockOffsetUs: 2 * HOUR_US });
    expect(log.head(recordId(1)).effectiveUs).toBe(START_US - HOUR_US);
    expect(log.head(recordId(1)).claimedUs).toBe(START_US + HOUR_US);
  });

  test("never lies after the receipt, so a phone two days ahead wins nothing by it", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    log.push([phone.edit(recordId(1), {}, { atUs: START_US + 48 * HOUR_US })], { receivedUs: START_US });
    expect(log.head(recordId(1)).effectiveUs).toBe(START_US);
  });

  test("never goes back within a device, though its clock was set back", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const first = phone.edit(recordId(1), {}, { atUs: START_US });
    const second = phone.edit(recordId(2), {}, { atUs: START_US - 5 * HOUR_US });
    log.push([second, first], { receivedUs: START_US + HOUR_US });
    expect(log.head(recordId(2)).effectiveUs).toBe(START_US);
    const third = phone.edit(recordId(3), {}, { atUs: START_US - 9 * HOUR_US });
    log.push([third], { receivedUs: START_US + HOUR_US });
    expect(log.head(recordId(3)).effectiveUs).toBe(START_US);
  });

  test("never goes back behind an earlier slice of the push, though nothing of that could be stored yet", () => {
    const log = new MemoryLog();
    const [phone, panel] = [new TestDevice("phone"), new TestDevice("panel")];
    const base = panel.edit(recordId(1), { on: true }, { atUs: START_US });
    log.push([base, panel.edit(recordId(1), { on: false }, { parents: [base.version], atUs: START_US })]);
    const diverged = phone.edit(recordId(1), { on: null }, { parents: [base.version], atUs: START_US - HOUR_US });
    const { newestUs } = log.push([diverged]);
    expect(newestUs).toBeGreaterThan(START_US);
    log.push([phone.edit(recordId(2), {}, { atUs: START_US - HOUR_US })], { notBeforeUs: newestUs });
    expect(log.head(recordId(2)).effectiveUs).toBe(newestUs);
  });

  test("of an edit that comes late lies between its neighbours in sequence", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const first = phone.edit(recordId(1), {}, { atUs: START_US });
    const late = phone.edit(recordId(2), {}, { atUs: START_US + 5 * HOUR_US });
    const third = phone.edit(recordId(3), {}, { atUs: START_US + HOUR_US });
    log.push([first, third], { receivedUs: START_US + 9 * HOUR_US });
    log.push([late], { receivedUs: START_US + 9 * HOUR_US });
    expect(log.head(recordId(2)).effectiveUs).toBe(START_US + HOUR_US);
  });

  test("of an edit in a push with heals of its device lies between those", () => {
    const log = new MemoryLog();
    log.nowUs = START_US + 9 * HOUR_US;
    const phone = new TestDevice("phone");
    const heal = (effectiveUs: number) => ({ author: "ada", device: "phone", stamps: () => [], effectiveUs });
    const first = phone.edit(recordId(1), {}, { heal: heal(START_US) });
    const early = phone.edit(recordId(2), {}, { atUs: START_US - 5 * HOUR_US });
    const late = phone.edit(recordId(3), {}, { atUs: START_US + 5 * HOUR_US });
    const last = phone.edit(recordId(4), {}, { heal: heal(START_US + HOUR_US) });
    const ofPanel = { author: "ben", device: "panel", stamps: () => [], effectiveUs: START_US - 9 * HOUR_US };
    const other = new TestDevice("panel").edit(recordId(5), {}, { heal: ofPanel });
    log.push([late, last, other, early, first], { device: "phone", receivedUs: START_US + 9 * HOUR_US });
    const times = [1, 2, 3, 4, 5].map((n) => (log.head(recordId(n)).effectiveUs - START_US) / HOUR_US);
    expect(times).toEqual([0, 0, 1, 1, -9]);
  });

  test("never lies before that of what the edit builds on, whatever happened to the device's clock", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const panel = new TestDevice("panel");
    const first = phone.edit(recordId(1), {}, { atUs: START_US });
    log.push([first], { receivedUs: START_US });
    const second = panel.edit(recordId(1), { on: true }, { parents: [first.version], atUs: START_US - 48 * HOUR_US });
    const third = panel.edit(recordId(1), {}, { parents: [second.version], atUs: START_US - 48 * HOUR_US });
    log.push([third, second], { receivedUs: START_US + HOUR_US });
    const fourth = phone.edit(recordId(1), { on: true }, { parents: [third.version], atUs: START_US - 48 * HOUR_US });
    log.push([fourth], { receivedUs: START_US + HOUR_US });
    const times = [first, second, third, fourth].map(({ version }) => log.version(version).effectiveUs - START_US);
    // The stamps of different devices differ even so.
    expect(times).toEqual([0, 1, 1, 2]);
  });

  test("is stored once and never computed again", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const edit = phone.edit(recordId(1), {}, { atUs: START_US });
    log.push([edit], { receivedUs: START_US });
    log.push([edit], { receivedUs: START_US + HOUR_US, clockOffsetUs: -HOUR_US });
    expect(log.head(recordId(1)).effectiveUs).toBe(START_US);
  });

  test("of a server-minted version is the commit time, which always grows", () => {
    const log = new MemoryLog();
    const create = () =>
      log.api({
        kind: "create",
        record: recordId(log.versions.length + 1) as never,
        content: { kind: "entity", type: "note", body: {} },
        source: "manual",
      });
    create();
    log.nowUs -= HOUR_US;
    create();
    const [first, second] = log.versions;
    expect(second?.committedUs).toBe((first?.committedUs ?? 0) + 1);
    expect(second?.effectiveUs).toBe(second?.committedUs);
  });

  test("of a server-minted version is later than what it was made from, though a coordinator's clock is ahead of the store's", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const first = phone.edit(recordId(1), {});
    log.push([first], { receivedUs: START_US + HOUR_US, clockOffsetUs: -2 * HOUR_US });
    const shared = { record: recordId(1) as RecordId, recordKind: "entity", expected: "any" } as const;
    log.api({ ...shared, kind: "delete" });
    expect(log.head(recordId(1)).effectiveUs).toBe(log.version(first.version).effectiveUs + 1);
    expect(log.head(recordId(1)).committedUs).toBeLessThan(START_US + HOUR_US);
  });
});
