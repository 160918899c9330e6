import type { RecordContent } from "@funkygibbon/kernel/content";
import { parseDeviceId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { formatVersion } from "@funkygibbon/kernel/version";
import { describe, expect, it } from "vitest";
import { changedKeys, differingKeys } from "./history.ts";

const device = parseDeviceId("phone");
const record = parseRecordId("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const other = parseRecordId("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d22");

function version(content: RecordContent, more: Partial<RecordVersion> = {}): RecordVersion {
  return {
    record,
    version: formatVersion(0, device, 1),
    parents: [],
    content,
    source: "manual",
    deleted: false,
    seq: 1,
    author: parseUserId("ada"),
    device,
    sequence: 1,
    stamps: [],
    claimedUs: 0,
    effectiveUs: 0,
    committedUs: 0,
    outcome: "applied",
    contentHash: "",
    bodyRemoved: false,
    origin: undefined,
    healer: undefined,
    ...more,
  };
}

function lamp(body: JsonObject | null): RecordVersion {
  return version({ kind: "entity", type: "device", body }, { deleted: body === null });
}

describe("changedKeys", () => {
  it("names all keys of a version without a known parent", () => {
    expect(changedKeys(lamp({ name: "Lamp", on: true }), undefined)).toEqual(["name", "on"]);
  });

  it("names changed, added and removed keys, compared by value", () => {
    const before = lamp({ name: "Lamp", on: true, list: [1, { a: 1, b: 2 }], gone: null });
    const after = lamp({ name: "Lamp", on: false, list: [1, { b: 2, a: 1 }], level: 1 });
    expect(changedKeys(after, before)).toEqual(["gone", "level", "on"]);
  });

  it("names all keys that a deletion took", () => {
    expect(changedKeys(lamp(null), lamp({ name: "Lamp" }))).toEqual(["name"]);
  });

  it("names a relationship's type and ends as one key", () => {
    const edge = { kind: "relationship", type: "controls", from: record, to: other, body: { port: 1 } } as const;
    expect(changedKeys(version({ ...edge, to: record }), version(edge))).toEqual(["@ends"]);
    expect(changedKeys(version(edge), undefined)).toEqual(["@ends", "port"]);
  });

  it("asks the stamps when retention has taken the body", () => {
    const stamp = { effectiveUs: 0, device, sequence: 1 };
    const removed = { ...lamp(null), bodyRemoved: true, deleted: false, stamps: [{ stamp, keys: ["on"] }] };
    expect(changedKeys(removed, lamp({ name: "Lamp" }))).toEqual(["on"]);
  });
});

describe("the keys in which two versions differ", () => {
  const stamp = (sequence: number) => ({ effectiveUs: sequence, device, sequence });
  const before = { ...lamp({ a: 1, b: 1, gone: 1 }), stamps: [{ stamp: stamp(1), keys: ["a", "b", "gone"] }] };
  const after = {
    ...lamp({ a: 1, b: 2, c: 3 }),
    stamps: [
      { stamp: stamp(1), keys: ["a"] },
      { stamp: stamp(2), keys: ["b", "gone"] },
      { stamp: stamp(3), keys: ["c"] },
    ],
  };

  it("are those with other values", () => {
    expect(differingKeys(after, before)).toEqual(["b", "c", "gone"]);
  });

  it("are told by their stamps where retention has taken a body", () => {
    const removed = (version: RecordVersion) => ({
      ...version,
      ...lamp(null),
      stamps: version.stamps,
      bodyRemoved: true,
    });
    expect(differingKeys(after, removed(before))).toEqual(["b", "c", "gone"]);
    expect(differingKeys(removed(after), removed(before))).toEqual(["b", "c", "gone"]);
  });
});
