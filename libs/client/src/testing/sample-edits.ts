import type { DeviceId, Epoch, HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { settleAnswers } from "../answers.ts";
import { applyPage, releaseHeldEdits } from "../base-layer.ts";
import { stageEdit } from "../edit-queue.ts";
import { LocalReplica } from "../local-replica.ts";
import { MemoryStore } from "../memory-store.ts";
import { nodeSha256 } from "../node-hashes.ts";
import { takePush } from "../push-planning.ts";
import type { BaseRecord, Edit } from "../replica-record.ts";
import type { ReplicaTransaction } from "../replica-transaction.ts";
import { ManualClock } from "./scenario.ts";

export const EPOCH = "01930000-0000-7000-8000-000000000001" as Epoch;
export const LAMP = "01930000-0000-7000-8000-00000000000a" as RecordId;
export const ROOM = "01930000-0000-7000-8000-00000000000b" as RecordId;
export const EDGE = "01930000-0000-7000-8000-00000000000c" as RecordId;
/** Of all edits that are staged here. */
export const clock = new ManualClock();

/** A replica of the device `ada` that has been in contact. */
export async function replica(store = new MemoryStore()): Promise<LocalReplica> {
  const opened = await LocalReplica.open({ store, deviceId: "ada" as DeviceId, sha256: nodeSha256 });
  await opened.transact("remote", (tx) => tx.setMeta({ epoch: EPOCH, household: "h1" as HouseholdId }));
  return opened;
}

/** Stages an edit of a device, or its deletion. */
export function write(tx: ReplicaTransaction, record: RecordId, name: string, deleted = false): Edit | undefined {
  const content = { kind: "entity", type: "device", source: "manual", bodyJson: `{"name":"${name}"}` } as const;
  return stageEdit(tx, { record, content, deleted, wish: undefined, changedKeys: ["name"] }, clock);
}

/** Stages the edge from {@link LAMP} to {@link ROOM}. */
export function relate(tx: ReplicaTransaction): Edit | undefined {
  const ends = { type: "located_in", from: LAMP, to: ROOM } as const;
  const content = { kind: "relationship", ...ends, source: "manual", bodyJson: "{}" } as const;
  return stageEdit(tx, { record: EDGE, content, deleted: false, wish: undefined, changedKeys: [] }, clock);
}

/** A head that another device wrote. */
export function pulled(
  seq: number,
  options: { record?: RecordId; version?: string; deleted?: boolean } = {},
): BaseRecord {
  return {
    record: options.record ?? LAMP,
    version: (options.version ?? `2026-01-01T00:00:00.000Z-ben-00000${seq}`) as VersionId,
    parents: [],
    content: { kind: "entity", type: "device", source: "manual", bodyJson: `{"name":"pulled ${seq}"}` },
    deleted: options.deleted ?? false,
    seq,
    author: "ben",
    device: "ben",
    sequence: seq,
    stamps: [],
    claimedUs: 0,
    effectiveUs: 0,
  };
}

/** Takes the next push while none is unanswered. */
export function send(tx: ReplicaTransaction): readonly Edit[] {
  return takePush(tx, { unanswered: [], nowUs: clock.now() });
}

/** What the server says of an edit. */
export function answer(
  tx: ReplicaTransaction,
  edit: Edit | undefined,
  outcome: ChangeOutcome["outcome"],
  options: { seq?: number; reason?: string } = {},
) {
  const rejection = options.reason === undefined ? undefined : { reason: options.reason, field: "", message: "" };
  const said = { record: edit?.record ?? "", version: edit?.version ?? "", outcome, duplicate: false, rejection };
  const context = { epoch: EPOCH, headSeq: options.seq ?? 0, nowUs: clock.now(), deferralUs: 1_000 };
  return settleAnswers(tx, [{ ...said, headSeq: options.seq ?? 0 }], context);
}

/** Takes a page in. */
export function receive(tx: ReplicaTransaction, ...records: BaseRecord[]): void {
  applyPage(
    tx,
    tx,
    records.map((record) => ({ kind: "version", record })),
  );
  releaseHeldEdits(
    tx,
    records.map(({ record }) => record),
  );
}

/** The name that is seen; undefined: there is none. */
export function nameOf(tx: ReplicaTransaction, record = LAMP): string {
  return JSON.parse(tx.visible(record)?.content.bodyJson ?? "{}").name;
}
