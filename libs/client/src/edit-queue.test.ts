import type { DeviceId, Epoch, HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { describe, expect, it } from "vitest";
import { discardDeadEdit, reopenAnswers, settleAnswers } from "./answers.ts";
import { applyPage, digestOf, releaseEditsUpTo, releaseHeldEdits } from "./base-layer.ts";
import { forkedDeviceId, stageEdit, takeDeviceId, takeStanding } from "./edit-queue.ts";
import { LocalReplica } from "./local-replica.ts";
import { MemoryStore } from "./memory-store.ts";
import { nodeSha256 } from "./node-hashes.ts";
import { footprintOf, nextDeferralUs, takePush } from "./push-planning.ts";
import type { BaseRecord, Edit } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";
import { ManualClock } from "./testing/scenario.ts";

const EPOCH = "01930000-0000-7000-8000-000000000001" as Epoch;
const LAMP = "01930000-0000-7000-8000-00000000000a" as RecordId;
const ROOM = "01930000-0000-7000-8000-00000000000b" as RecordId;
const EDGE = "01930000-0000-7000-8000-00000000000c" as RecordId;
const clock = new ManualClock();
const c0ffee = () => 0xc0ffee / 2 ** 32;

async function replica(store = new MemoryStore()): Promise<LocalReplica> {
  const opened = await LocalReplica.open({ store, deviceId: "ada" as DeviceId, sha256: nodeSha256 });
  await opened.transact("remote", (tx) => tx.setMeta({ epoch: EPOCH, household: "h1" as HouseholdId }));
  return opened;
}

function write(tx: ReplicaTransaction, record: RecordId, name: string, deleted = false): Edit | undefined {
  const content = { kind: "entity", type: "device", source: "manual", bodyJson: `{"name":"${name}"}` } as const;
  return stageEdit(tx, { record, content, deleted, wish: undefined, changedKeys: ["name"] }, clock);
}

function relate(tx: ReplicaTransaction): Edit | undefined {
  const ends = { type: "located_in", from: LAMP, to: ROOM } as const;
  const content = { kind: "relationship", ...ends, source: "manual", bodyJson: "{}" } as const;
  return stageEdit(tx, { record: EDGE, content, deleted: false, wish: undefined, changedKeys: [] }, clock);
}

function pulled(seq: number, options: { record?: RecordId; version?: string; deleted?: boolean } = {}): BaseRecord {
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

function send(tx: ReplicaTransaction): readonly Edit[] {
  return takePush(tx, { unanswered: [], nowUs: clock.now() });
}

function answer(
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

function receive(tx: ReplicaTransaction, ...records: BaseRecord[]): void {
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

function nameOf(tx: ReplicaTransaction, record = LAMP): string {
  return JSON.parse(tx.visible(record)?.content.bodyJson ?? "{}").name;
}

describe("the edit queue", () => {
  it("squashes edits that were never sent, and names the version they were derived from", async () => {
    await (await replica()).transact("local", (tx) => {
      receive(tx, pulled(1));
      write(tx, LAMP, "one");
      receive(tx, pulled(2));
      const second = write(tx, LAMP, "two");
      expect(second?.parents).toEqual([pulled(1).version]);
      expect(tx.editsOf(LAMP)).toEqual([second]);
    });
  });

  it("adds up what squashed edits have changed, and what those have that a later one is led past", async () => {
    await (await replica()).transact("local", (tx) => {
      const content = { kind: "entity", type: "device", source: "manual", bodyJson: "{}" } as const;
      const change = (...changedKeys: string[]) =>
        stageEdit(tx, { record: LAMP, content, deleted: false, wish: undefined, changedKeys }, clock);
      receive(tx, pulled(1));
      change("a");
      const sent = change("b", "a");
      expect(sent?.changedKeys).toEqual(["a", "b"]);
      send(tx);
      expect(change("c")?.changedKeys).toEqual(["c"]);
      answer(tx, sent, "rejected", { reason: "UNKNOWN_TYPE" });
      expect(tx.editsOf(LAMP).at(-1)).toMatchObject({ parents: [pulled(1).version], changedKeys: ["a", "b", "c"] });
    });
  });

  it("freezes an edit once it was sent: the next one stands on it", async () => {
    await (await replica()).transact("local", (tx) => {
      const first = write(tx, LAMP, "one");
      expect(send(tx)).toHaveLength(1);
      const second = write(tx, LAMP, "two");
      const third = write(tx, LAMP, "three");
      expect(tx.editsOf(LAMP).map(({ version }) => version)).toEqual([first?.version, third?.version]);
      expect(third?.parents).toEqual([first?.version]);
      expect(second?.parents).toEqual([first?.version]);
      expect(third?.sequence).toBe(3);
    });
  });

  it("says nothing of what was created and deleted before anybody heard of it", async () => {
    await (await replica()).transact("local", (tx) => {
      write(tx, LAMP, "one");
      expect(write(tx, LAMP, "", true)).toBeUndefined();
      expect([...tx.allEdits()]).toEqual([]);
    });
  });

  it("keeps such a deletion when an edge that is to be sent ends there", async () => {
    await (await replica()).transact("local", (tx) => {
      write(tx, LAMP, "one");
      relate(tx);
      expect(write(tx, LAMP, "", true)?.deleted).toBe(true);
    });
  });

  it("never claims a time below its last one, however the machine's clock is set", async () => {
    await (await replica()).transact("local", (tx) => {
      const moved = new ManualClock();
      const content = { kind: "entity", type: "device", source: "manual", bodyJson: "{}" } as const;
      const draft = { record: LAMP, content, deleted: false, wish: undefined, changedKeys: [] };
      const first = stageEdit(tx, draft, moved);
      moved.nowUs -= 86_400_000_000;
      const second = stageEdit(tx, { ...draft, record: ROOM }, moved);
      expect(second?.claimedUs).toBe(first?.claimedUs);
      expect(second?.sequence).toBe(2);
    });
  });

  it("counts on from what the server knows, and holds itself for a clone when edits wait below that", async () => {
    await (await replica()).transact("local", (tx) => {
      takeStanding(tx, { forked: false, highestSequence: 416 });
      expect(write(tx, LAMP, "one")?.sequence).toBe(417);
      takeStanding(tx, { forked: false, highestSequence: 417 });
      expect(tx.meta.forked).toBe(false);
      takeStanding(tx, { forked: false, highestSequence: 418 });
      expect(tx.meta.forked).toBe(true);
    });
  });

  it("takes a new id for a clone without touching what was sent", async () => {
    await (await replica()).transact("local", (tx) => {
      const sent = write(tx, LAMP, "one");
      send(tx);
      const child = write(tx, LAMP, "three");
      write(tx, ROOM, "two");
      takeDeviceId(tx, forkedDeviceId("ada" as DeviceId, c0ffee));
      const [kept, renamed] = tx.editsOf(LAMP);
      expect(kept?.version).toBe(sent?.version);
      expect(renamed?.version).toContain("-ada.00c0ffee-000004");
      expect(renamed).toMatchObject({ parents: [sent?.version], content: child?.content, claimedUs: child?.claimedUs });
      expect(tx.editsOf(ROOM)[0]?.version).toContain("-ada.00c0ffee-000005");
      expect(tx.meta.sessionKey).toHaveLength(0);
    });
    expect(forkedDeviceId("ada.0badcafe" as DeviceId, c0ffee)).toBe("ada.00c0ffee");
    expect(forkedDeviceId("a".repeat(64) as DeviceId, c0ffee)).toHaveLength(64);
  });

  it("renames no parent whose version a clone has given to another record", async () => {
    await (await replica()).transact("local", (tx) => {
      const room = write(tx, ROOM, "Kitchen");
      receive(tx, pulled(5, { version: room?.version ?? "" }));
      write(tx, LAMP, "mine");
      takeDeviceId(tx, forkedDeviceId("ada" as DeviceId, c0ffee));
      expect(tx.editsOf(ROOM)[0]?.version).toContain("-ada.00c0ffee-");
      expect(tx.editsOf(LAMP)[0]?.parents).toEqual([room?.version]);
    });
  });
});

describe("the two layers", () => {
  it("never replace a record by one with a lower seq", async () => {
    const local = await replica();
    await local.transact("remote", (tx) => receive(tx, pulled(5), pulled(3)));
    expect(local.base(LAMP)?.seq).toBe(5);
    expect(local.digest).toBe(digestOf(local.baseRecords().values(), nodeSha256));
  });

  it("keep an answered edit on top until the base holds the answered seq", async () => {
    await (await replica()).transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      send(tx);
      answer(tx, edit, "superseded", { seq: 7 });
      receive(tx, pulled(6));
      expect(nameOf(tx)).toBe("mine");
      receive(tx, pulled(7));
      expect(nameOf(tx)).toBe("pulled 7");
      expect([...tx.allEdits()]).toEqual([]);
    });
  });

  it("drop an answered edit at once when the base is already there", async () => {
    await (await replica()).transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      send(tx);
      receive(tx, pulled(9));
      expect(nameOf(tx)).toBe("mine");
      answer(tx, edit, "superseded", { seq: 8 });
      expect(nameOf(tx)).toBe("pulled 9");
    });
  });

  it("learn from an up-to-date at that seq that an answered record has no live head", async () => {
    await (await replica()).transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      send(tx);
      answer(tx, edit, "pending_review", { seq: 4 });
      releaseEditsUpTo(tx, EPOCH, 3);
      expect(nameOf(tx)).toBe("mine");
      releaseEditsUpTo(tx, EPOCH, 4);
      expect(tx.visible(LAMP)).toBeUndefined();
    });
  });

  it("take the content of an own version from the edit, and its stamps from the log", async () => {
    const local = await replica();
    await local.transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      const stamp = { record: LAMP, version: edit?.version as VersionId, seq: 3, author: "ada", effectiveUs: 42 };
      expect(applyPage(tx, tx, [{ kind: "own", stamp: { ...stamp, stamps: [] } }])).toEqual([]);
      const version = "2026-01-01T00:00:00.000Z-ada-000099" as VersionId;
      const lost = { ...stamp, record: ROOM, version, stamps: [] };
      expect(applyPage(tx, tx, [{ kind: "own", stamp: lost }])).toEqual([lost]);
    });
    expect(local.base(LAMP)).toMatchObject({ seq: 3, effectiveUs: 42, device: "ada", sequence: 1 });
  });

  it("keep tombstones, and count only live heads in the digest", async () => {
    const local = await replica();
    await local.transact("remote", (tx) => receive(tx, pulled(1), pulled(2, { deleted: true })));
    expect(local.base(LAMP)).toMatchObject({ deleted: true, seq: 2 });
    expect(local.digest).toBe(0n);
  });

  it("are found again in the store", async () => {
    const store = new MemoryStore();
    const before = await replica(store);
    await before.transact("local", (tx) => {
      receive(tx, pulled(1), pulled(2, { record: ROOM }));
      write(tx, LAMP, "mine");
    });
    const after = await LocalReplica.open({ store, deviceId: "other" as DeviceId, sha256: nodeSha256 });
    expect(after.meta).toEqual(before.meta);
    expect(after.digest).toBe(before.digest);
    expect(after.pendingCount).toBe(1);
    expect(after.visible(LAMP)).toEqual(before.visible(LAMP));
  });

  it("change nothing when the store fails", async () => {
    const store = new MemoryStore();
    const local = await replica(store);
    store.apply = () => Promise.reject(new Error("disk full"));
    await expect(local.transact("local", (tx) => write(tx, LAMP, "mine"))).rejects.toThrow("disk full");
    expect(local.visible(LAMP)).toBeUndefined();
    expect(local.meta.lastSequence).toBe(0);
  });
});

describe("answers", () => {
  it("bury a rejected edit and lead later ones past it", async () => {
    await (await replica()).transact("local", (tx) => {
      receive(tx, pulled(1));
      const bad = write(tx, LAMP, "bad");
      send(tx);
      write(tx, LAMP, "better");
      answer(tx, bad, "rejected", { reason: "BODY_TOO_LARGE" });
      expect(tx.topEdit(LAMP)?.parents).toEqual([pulled(1).version]);
      expect(tx.editsOf(LAMP)[0]?.state).toMatchObject({ kind: "dead", rejection: { reason: "BODY_TOO_LARGE" } });
      expect(discardDeadEdit(tx, bad?.version as VersionId)).toBe(true);
      expect(tx.editsOf(LAMP)).toHaveLength(1);
    });
  });

  it("show the base again when the only edit was rejected", async () => {
    await (await replica()).transact("local", (tx) => {
      receive(tx, pulled(1));
      const bad = write(tx, LAMP, "bad");
      send(tx);
      answer(tx, bad, "rejected", { reason: "X" });
      expect(nameOf(tx)).toBe("pulled 1");
    });
  });

  it("send a deferred edge again later, with the time of its first answer", async () => {
    await (await replica()).transact("local", (tx) => {
      const edge = relate(tx);
      expect(send(tx)).toHaveLength(1);
      const firstUs = clock.now();
      answer(tx, edge, "deferred");
      expect(send(tx)).toEqual([]);
      clock.nowUs += 2_000;
      expect(send(tx)[0]?.state).toMatchObject({ kind: "deferred", sinceUs: firstUs });
      answer(tx, edge, "deferred");
      expect(tx.topEdit(EDGE)?.state).toMatchObject({ sinceUs: firstUs });
    });
  });

  it("bury an edge whose end was rejected, whichever answer comes first", async () => {
    for (const order of ["end first", "edge first"]) {
      await (await replica()).transact("local", (tx) => {
        const lamp = write(tx, LAMP, "lamp");
        const edge = relate(tx);
        send(tx);
        const answers = [
          () => answer(tx, lamp, "rejected", { reason: "INVALID_JSON" }),
          () => answer(tx, edge, "deferred"),
        ];
        for (const say of order === "end first" ? answers : answers.reverse()) say();
        expect(tx.editsOf(EDGE)[0]?.state).toMatchObject({ rejection: { reason: "ENDPOINT_REJECTED" } });
      });
    }
  });

  it("show that the device was cloned when its version was used before, and lose nothing", async () => {
    await (await replica()).transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      send(tx);
      answer(tx, edit, "rejected", { reason: "VERSION_REUSED" });
      expect(tx.meta.forked).toBe(true);
      expect(tx.editsOf(LAMP)[0]?.state.kind).toBe("unsent");
    });
  });

  it("of a log that is gone are asked for again", async () => {
    await (await replica()).transact("local", (tx) => {
      const edit = write(tx, LAMP, "mine");
      send(tx);
      answer(tx, edit, "applied", { seq: 7 });
      reopenAnswers(tx);
      expect(send(tx)).toEqual([{ ...edit, state: { kind: "sent" } }]);
    });
  });

  it("are sent again before what was made after them, in the same transaction, in later ones and after a restart", async () => {
    const store = new MemoryStore();
    const opened = await replica(store);
    const made = await opened.transact("local", (tx) => {
      const lamp = write(tx, LAMP, "lamp");
      const room = write(tx, ROOM, "room");
      send(tx);
      answer(tx, lamp, "applied", { seq: 7 });
      answer(tx, room, "applied", { seq: 8 });
      const edge = relate(tx);
      return [lamp, room, edge].map((edit) => edit?.version);
    });
    const inOrder = (edits: Iterable<Edit>) => [...edits].map(({ version }) => version);
    await opened.transact("local", (tx) => {
      reopenAnswers(tx);
      expect(inOrder(tx.pendingEdits())).toEqual(made);
    });
    expect(inOrder(opened.pendingEdits())).toEqual(made);
    await opened.transact("local", (tx) => expect(inOrder(send(tx))).toEqual(made));
    expect(inOrder((await replica(store)).pendingEdits())).toEqual(made);
  });
});

describe("a push", () => {
  it("waits for an unanswered one that shares a record or an end, and so does what builds on it", async () => {
    await (await replica()).transact("local", (tx) => {
      write(tx, LAMP, "lamp");
      const first = send(tx);
      relate(tx);
      write(tx, ROOM, "room");
      const elsewhere = write(tx, "01930000-0000-7000-8000-0000000000ff" as RecordId, "elsewhere");
      const second = takePush(tx, { unanswered: [footprintOf(first)], nowUs: clock.now() });
      expect(second.map(({ version }) => version)).toEqual([elsewhere?.version]);
    });
  });

  it("of a device that was found to be cloned holds all that was sent before, and nothing else", async () => {
    await (await replica()).transact("local", (tx) => {
      const lamp = write(tx, LAMP, "lamp");
      send(tx);
      write(tx, ROOM, "room");
      const edge = relate(tx);
      if (edge !== undefined) tx.putEdit({ ...edge, state: { kind: "sent" } });
      tx.setMeta({ forked: true });
      expect(send(tx).map(({ version }) => version)).toEqual([lamp?.version, edge?.version]);
    });
  });

  it("is tried again when a deferred edit may go that holds up another one whose time has come", async () => {
    const local = await replica();
    await local.transact("local", (tx) => {
      for (const [record, nextAtUs] of [
        [LAMP, 5_000_000],
        [ROOM, 0],
      ] as const) {
        const edit = write(tx, record, "waits");
        if (edit !== undefined) tx.putEdit({ ...edit, state: { kind: "deferred", sinceUs: 1, nextAtUs } });
      }
    });
    expect(nextDeferralUs(local.pendingEdits(), 1_000_000)).toBe(5_000_000);
    expect(nextDeferralUs(local.pendingEdits(), 5_000_000)).toBeUndefined();
  });

  it("holds at most 1000 edits and 4 MiB", async () => {
    await (await replica()).transact("local", (tx) => {
      for (let index = 0; index < 1_100; index++) write(tx, crypto.randomUUID() as RecordId, "small");
      expect(send(tx)).toHaveLength(1_000);
    });
    await (await replica()).transact("local", (tx) => {
      for (let index = 0; index < 100; index++) write(tx, crypto.randomUUID() as RecordId, "x".repeat(60_000));
      expect(send(tx).length).toBeLessThan(70);
    });
  });
});
