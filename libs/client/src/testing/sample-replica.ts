import { parseDeviceId, parseEpoch, parseHouseholdId, parseRecordId } from "@funkygibbon/kernel/ids";
import { formatVersion } from "@funkygibbon/kernel/version";
import type { BaseRecord, Edit, ReplicaMeta } from "../replica-record.ts";
import { freshMeta } from "../replica-record.ts";
import type { StoreBatch, StoredReplica } from "../store.ts";

const DEVICE = parseDeviceId("ada-phone-1");
const START_US = Date.UTC(2026, 10, 22) * 1_000;

/** The id of the nth sample. */
export function sampleId(n: number) {
  return parseRecordId(`0192f3b0-7c4e-7a10-8f2d-${n.toString(16).padStart(12, "0")}`);
}

/** A pulled device; every third one is an edge to the one before it, and every seventh a tombstone. */
export function sampleRecord(n: number, body: object = { name: `Lamp ${n}`, note: "„ä\u2028\u0000“" }): BaseRecord {
  const deleted = n % 7 === 6;
  const bodyJson = deleted ? "" : JSON.stringify(body);
  const isEdge = n % 3 === 2;
  return {
    record: sampleId(n),
    version: formatVersion(START_US + n * 1_000, DEVICE, n + 1),
    parents: Array.from({ length: n % 3 }, (_, index) => formatVersion(START_US, DEVICE, index + 1)),
    content: isEdge
      ? { kind: "relationship", type: "part_of", from: sampleId(n), to: sampleId(n - 1), source: "homekit", bodyJson }
      : { kind: "entity", type: "device", source: "manual", bodyJson },
    deleted,
    seq: n + 1,
    author: "ada",
    device: DEVICE,
    sequence: n + 1,
    stamps: n % 2 === 0 ? [] : [{ stamp: { effectiveUs: START_US, device: DEVICE, sequence: 1 }, keys: ["name"] }],
    claimedUs: START_US + n * 1_000,
    // As healing writes it.
    ...(deleted ? { lostBodyJson: JSON.stringify(body) } : {}),
    effectiveUs: n % 5 === 0 ? Number.MAX_SAFE_INTEGER : START_US + n * 1_000,
  };
}

/** An edit of the nth sample that was never sent. */
export function sampleEdit(n: number, change: Partial<Edit> = {}): Edit {
  return {
    record: sampleId(n),
    version: formatVersion(START_US + n, DEVICE, 1_000 + n),
    sequence: 1_000 + n,
    parents: [],
    content: { kind: "entity", type: "device", source: "manual", bodyJson: `{"name":"Edited ${n}"}` },
    deleted: false,
    claimedUs: START_US + n,
    wish: n % 2 === 0 ? undefined : "merge",
    changedKeys: ["name"],
    state: { kind: "unsent" },
    ...change,
  };
}

/** A device that has been in contact. */
export function sampleMeta(change: Partial<ReplicaMeta> = {}): ReplicaMeta {
  return {
    ...freshMeta(DEVICE),
    household: parseHouseholdId("maple-street"),
    epoch: parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21"),
    cursor: "cursor",
    sessionKey: new Uint8Array([0, 1, 254, 255]),
    lastClaimedUs: START_US,
    lastSequence: 2 ** 40,
    vectorClock: { server: "v", "ada-phone-1": "w" },
    ...change,
  };
}

/** A batch that does nothing but what is named. */
export function sampleBatch(change: Partial<StoreBatch>): StoreBatch {
  return { meta: undefined, clearRecords: false, putRecords: [], putEdits: [], removeEdits: [], ...change };
}

/** What a store holds, in an order of its own, so that two can be compared. */
export function contentsOf({ meta, records, edits }: StoredReplica) {
  return {
    meta,
    records: [...records].sort((a, b) => a.seq - b.seq),
    edits: [...edits].sort((a, b) => a.sequence - b.sequence),
  };
}
