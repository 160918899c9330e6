import { create, toBinary } from "@bufbuild/protobuf";
import { PushSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import { MAX_PUSH_BYTES } from "@funkygibbon/kernel/limits";
import type { VersionId } from "@funkygibbon/kernel/version";
import { describe, expect, it } from "vitest";
import { LocalReplica } from "./local-replica.ts";
import { MemoryStore } from "./memory-store.ts";
import { nodeSha256 } from "./node-hashes.ts";
import { inPushes, takePush } from "./push-planning.ts";
import type { BaseRecord, Edit } from "./replica-record.ts";
import { editToWire, healToWire } from "./wire-mapping.ts";

const DEVICE = "d".repeat(64) as DeviceId;

function versionOf(n: number): VersionId {
  return `2026-11-22T09:41:02.581Z-${DEVICE}-${String(n).padStart(15, "0")}` as VersionId;
}

function recordOf(n: number): RecordId {
  return `01930000-0000-7000-8000-${String(n).padStart(12, "0")}` as RecordId;
}

/** Keys with accents: two bytes each where a text counts one. */
function keysOf(n: number, count: number): string[] {
  return Array.from({ length: count }, (_, key) => `clé ${"é".repeat(40)} ${n} ${key}`);
}

function content(n: number) {
  return { kind: "entity", type: "note", source: "manual", bodyJson: `{"text":"${"x".repeat(3_000 + n)}"}` } as const;
}

describe("pushes of changes with much besides their bodies fit the limit of a push on the wire", () => {
  it("when lost records have many stamps", () => {
    const records = Array.from(
      { length: 1_500 },
      (_, n): BaseRecord => ({
        record: recordOf(n),
        version: versionOf(n),
        parents: [versionOf(n + 10_000), versionOf(n + 20_000)],
        content: content(n),
        deleted: false,
        seq: n,
        author: "ada",
        device: DEVICE,
        sequence: n,
        stamps: keysOf(n, 20).map((key, i) => ({
          stamp: { effectiveUs: 1_795_000_000_000_000, device: DEVICE, sequence: n * 20 + i },
          keys: [key],
        })),
        claimedUs: 1_795_000_000_000_000,
        effectiveUs: 1_795_000_000_000_000,
      }),
    );
    const pushes = [...inPushes(records)];
    expect(pushes.flat()).toEqual(records);
    for (const push of pushes) {
      const bytes = toBinary(PushSchema, create(PushSchema, { changes: push.map(healToWire) })).length;
      expect(bytes).toBeLessThanOrEqual(MAX_PUSH_BYTES);
    }
  });

  it("when edits have changed many keys", async () => {
    const local = await LocalReplica.open({ store: new MemoryStore(), deviceId: DEVICE, sha256: nodeSha256 });
    const taken = await local.transact("local", (tx) => {
      for (let n = 1; n <= 1_000; n += 1) {
        const edit: Edit = {
          record: recordOf(n),
          version: versionOf(n),
          sequence: n,
          parents: [versionOf(n + 10_000)],
          content: content(n),
          deleted: false,
          claimedUs: 1_795_000_000_000_000,
          wish: undefined,
          changedKeys: keysOf(n, 20),
          state: { kind: "unsent" },
        };
        tx.putEdit(edit);
      }
      return takePush(tx, { unanswered: [], nowUs: 0 });
    });
    const bytes = toBinary(PushSchema, create(PushSchema, { changes: taken.map(editToWire) })).length;
    expect(taken.length).toBeGreaterThan(500);
    expect(bytes).toBeLessThanOrEqual(MAX_PUSH_BYTES);
  });
});
