import { contentKeys } from "@funkygibbon/kernel/content";
import { expandStamps } from "@funkygibbon/kernel/stamp";
import { describe, expect, test } from "vitest";
import { recordId, TestDevice } from "../../test/changes.ts";
import { MemoryLog } from "../../test/memory-log.ts";
import { ownStamp, type StoredVersion } from "./stored-version.ts";

const LAMP = recordId(1);

/** Which device was the last to set each key. */
function settersOf(version: StoredVersion): Record<string, string> {
  const stamps = expandStamps(version.stamps, contentKeys(version.content), ownStamp(version));
  return Object.fromEntries([...stamps].map(([key, stamp]) => [key, `${stamp.device}/${stamp.sequence}`]));
}

describe("stamps of an edit", () => {
  test("of a create are empty: all keys by this edit", () => {
    const log = new MemoryLog();
    log.push([new TestDevice("phone").edit(LAMP, { a: 1, b: 2 })]);
    expect(log.head(LAMP).stamps).toEqual([]);
  });

  test("are its own for changed, added and removed keys, and the parent's for the others", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const panel = new TestDevice("panel");
    const create = phone.edit(LAMP, { kept: 1, changed: 1, removed: 1 });
    log.push([create]);
    log.push([panel.edit(LAMP, { kept: 1, changed: 2, added: 3 }, { parents: [create.version] })]);
    expect(settersOf(log.head(LAMP))).toEqual({
      kept: "phone/1",
      changed: "panel/1",
      removed: "panel/1",
      added: "panel/1",
    });
  });

  test("remember who removed a key through later edits", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const panel = new TestDevice("panel");
    const a = phone.edit(LAMP, { x: 1, y: 1 });
    const b = phone.edit(LAMP, { y: 1 }, { parents: [a.version] });
    log.push([a, b]);
    log.push([panel.edit(LAMP, { y: 2 }, { parents: [b.version] })]);
    expect(settersOf(log.head(LAMP))).toEqual({ x: "phone/2", y: "panel/1" });
  });

  test("remember removed keys up to the size of a body, the latest ones, so that they stay bounded and can be healed", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const keys = (edit: number) => Array.from({ length: 30 }, (_, n) => `${edit} ${n} ${"é".repeat(500)}`);
    let parents: readonly string[] = [];
    for (let edit = 1; edit <= 6; edit += 1) {
      const change = phone.edit(LAMP, Object.fromEntries(keys(edit).map((key) => [key, edit])), { parents });
      log.push([change]);
      parents = [change.version];
    }
    const removed = log.head(LAMP).stamps.flatMap((group) => group.keys);
    expect(new Set(removed.map((key) => key[0]))).toEqual(new Set(["4", "5", "3"]));
    expect(new TextEncoder().encode(removed.join("")).length).toBeLessThanOrEqual(64 * 1024);
    expect(removed).toEqual(expect.arrayContaining([...keys(4), ...keys(5)]));
  });

  test("with several parents keep the greatest stamp among those that hold an equal value", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const panel = new TestDevice("panel");
    const a = phone.edit(LAMP, { same: 1, mine: 1 });
    const b = phone.edit(LAMP, { same: 1, mine: 2 }, { parents: [a.version] });
    log.push([a, b]);
    log.push([panel.edit(LAMP, { same: 1, mine: 1, fresh: 1 }, { parents: [a.version, b.version] })]);
    expect(settersOf(log.head(LAMP))).toEqual({ same: "phone/1", mine: "phone/1", fresh: "panel/1" });
  });

  test("of a restored record are all its own", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const a = phone.edit(LAMP, { x: 1 });
    const gone = phone.remove(LAMP, [a.version]);
    log.push([a, gone]);
    expect(log.head(LAMP).stamps).toEqual([]);
    log.push([phone.edit(LAMP, { x: 1 }, { parents: [gone.version] })]);
    expect(settersOf(log.head(LAMP))).toEqual({ x: "phone/3" });
  });

  test("of which no parent is known are its own for what the device says it has changed; the rest is older than any edit", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const lost = phone.edit(LAMP, { a: 1, b: 1, removed: 1 });
    log.push([new TestDevice("panel").edit(LAMP, { b: 2 })]);
    const edit = (changedKeys: readonly string[]) =>
      phone.edit(LAMP, { a: 2, b: 1 }, { parents: [lost.version], changedKeys });
    const stampsOf = (change: ReturnType<typeof edit>) => log.push([change]).divergences[0]?.local.stamps;
    expect(stampsOf(edit(["a", "removed"]))).toEqual([
      { stamp: { effectiveUs: 0, device: "phone", sequence: 0 }, keys: ["b"] },
      { stamp: expect.objectContaining({ device: "phone", sequence: 2 }), keys: ["removed"] },
    ]);
    // A device that says nothing of it has changed everything.
    expect(stampsOf(edit([]))).toEqual([]);
  });

  test("of a parent whose body was removed keep its stamps but for what the device says it has changed", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const base = phone.edit(LAMP, { a: 1, b: 1 });
    log.push([base]);
    log.push([new TestDevice("panel").edit(LAMP, { a: 1, b: 2 }, { parents: [base.version] })]);
    log.removeBody(base.version);
    const edit = phone.edit(LAMP, { a: 2, b: 1 }, { parents: [base.version], changedKeys: ["a"] });
    const [divergence] = log.push([edit]).divergences;
    expect(divergence?.local.stamps).toEqual([
      { stamp: expect.objectContaining({ device: "phone", sequence: 1 }), keys: ["b"] },
    ]);
  });

  test("treat keys like __proto__ as keys", () => {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const panel = new TestDevice("panel");
    const a = phone.edit(LAMP, JSON.parse('{"__proto__": 1, "constructor": 1}'));
    log.push([a]);
    log.push([panel.edit(LAMP, JSON.parse('{"__proto__": 2, "constructor": 1}'), { parents: [a.version] })]);
    const setters = expandStamps(log.head(LAMP).stamps, contentKeys(log.head(LAMP).content), ownStamp(log.head(LAMP)));
    expect(setters.get("__proto__")?.device).toBe("panel");
    expect(setters.get("constructor")?.device).toBe("phone");
  });
});

describe("stamps of a merge", () => {
  function mergeWith(stamps: (log: MemoryLog) => Parameters<typeof expandStamps>[0]) {
    const log = new MemoryLog();
    const phone = new TestDevice("phone");
    const panel = new TestDevice("panel");
    const base = phone.edit(LAMP, { a: 1, b: 1 });
    log.push([base]);
    log.push([panel.edit(LAMP, { a: 2, b: 1 }, { parents: [base.version] })]);
    const edit = phone.edit(LAMP, { a: 1, b: 2 }, { parents: [base.version] });
    const [divergence] = log.push([edit]).divergences;
    if (divergence === undefined) throw new Error("must diverge");
    log.push([edit], {
      resolutions: [
        {
          record: divergence.local.record,
          localVersion: divergence.local.version,
          localTimes: divergence.localTimes,
          serverVersion: divergence.server.version,
          decision: {
            kind: "merged",
            content: { bodyJson: '{"a":2,"b":2}', ends: "local", deleted: false, stamps: stamps(log) },
          },
          conflict: undefined,
        },
      ],
    });
    return settersOf(log.head(LAMP));
  }

  test("are believed where they are a parent's", () => {
    expect(mergeWith((log) => [{ stamp: ownStamp(log.head(LAMP)), keys: ["a"] }])).toEqual({
      a: "panel/1",
      b: "phone/2",
    });
  });

  test("are derived where the resolver says nothing, or what no parent says", () => {
    const invented = { effectiveUs: 9e15, device: "nobody" as never, sequence: 1 };
    expect(mergeWith(() => [{ stamp: invented, keys: ["a", "b"] }])).toEqual({ a: "panel/1", b: "phone/2" });
  });
});
