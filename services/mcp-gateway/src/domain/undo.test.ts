import { parseDeviceId, parseRecordId, parseUserId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { expect, it } from "vitest";
import type { HistoryItem } from "./home-history.ts";
import { type ChangedRecord, planUndo } from "./undo.ts";

// The plain cases are in test/e2e/mcp-undo.test.ts; these are hard to bring about there.

const [KITCHEN, HALL] = ["0192f3b0-7c4e-7a10-8f2d-000000000001", "0192f3b0-7c4e-7a10-8f2d-000000000002"];
const EDGE = parseRecordId("0192f3b0-7c4e-7a10-8f2d-000000000003");

function item(
  seq: number,
  changedKeys: string[],
  properties: JsonObject,
  to = KITCHEN,
  bodyRemoved = false,
): HistoryItem {
  const version: RecordVersion = {
    record: EDGE,
    version: `v${seq}` as VersionId,
    parents: [],
    content: {
      kind: "relationship",
      type: "located_in",
      from: EDGE,
      to: parseRecordId(to ?? ""),
      body: bodyRemoved ? null : properties,
    },
    source: "mcp",
    deleted: false,
    seq,
    author: parseUserId("ada"),
    device: parseDeviceId("phone"),
    sequence: seq,
    stamps: [],
    claimedUs: 0,
    effectiveUs: 0,
    committedUs: seq,
    outcome: "applied",
    contentHash: "",
    bodyRemoved,
    origin: undefined,
    healer: undefined,
  };
  return { version, changedKeys, isHead: false };
}

function changed(before: HistoryItem | undefined, own: HistoryItem, since: HistoryItem[] = []): ChangedRecord {
  return {
    change: {
      change: "updated",
      recordId: EDGE,
      kind: "relationship",
      type: "located_in",
      name: "",
      ends: { fromId: EDGE, toId: KITCHEN ?? "" },
      version: own.version.version,
      versionBefore: before?.version.version,
      cascaded: false,
    },
    before,
    own,
    since,
    edges: [],
  };
}

it("leads an edge back to where it led, together with its properties", () => {
  const undo = planUndo(changed(item(1, [], { page: 1 }, KITCHEN), item(2, ["@ends", "page"], { page: 2 }, HALL)));
  expect(undo).toMatchObject({
    kind: "update",
    etag: "v2",
    set: { page: 1 },
    remove: [],
    ends: { type: "located_in", toId: KITCHEN },
    kept: [],
  });
});

it("leaves an edge where somebody has led it since", () => {
  const before = item(1, [], { page: 1 }, KITCHEN);
  const own = item(2, ["@ends", "page"], { page: 2 }, HALL);
  const undo = planUndo(changed(before, own, [item(3, ["@ends"], { page: 2 }, KITCHEN)]));
  expect(undo).toMatchObject({ etag: "v3", set: { page: 1 }, ends: undefined, kept: [{ key: "@ends" }] });
});

it("counts a key that was set back by hand for undone, and one that was changed anew for changed", () => {
  const before = item(1, [], { a: 1, b: 1 });
  const own = item(2, ["a", "b"], { a: 2, b: 2 });
  const back = item(3, ["a", "b"], { a: 1, b: 1 });
  const elsewhere = item(3, ["a", "b"], { a: 1, b: 3 });
  expect(() => planUndo(changed(before, own, [back]))).toThrow(expect.objectContaining({ reason: "ALREADY_UNDONE" }));
  expect(() => planUndo(changed(before, own, [elsewhere]))).toThrow(
    expect.objectContaining({ reason: "CHANGED_SINCE" }),
  );
});

it("says when retention has taken what the record said before, or when nothing was changed", () => {
  const own = item(2, ["a"], { a: 2 });
  const removed = item(1, [], {}, KITCHEN, true);
  expect(() => planUndo(changed(removed, own))).toThrow(expect.objectContaining({ reason: "BODY_REMOVED" }));
  const same = item(2, [], { a: 1 });
  expect(() => planUndo(changed(item(1, [], { a: 1 }), same))).toThrow(
    expect.objectContaining({ reason: "CHANGED_NOTHING" }),
  );
});
