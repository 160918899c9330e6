import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import { describe, expect, it } from "vitest";
import { forkedDeviceId, stageEdit, takeDeviceId, takeStanding } from "./edit-queue.ts";
import { footprintOf, nextDeferralUs, takePush } from "./push-planning.ts";
import { answer, clock, LAMP, pulled, ROOM, receive, relate, replica, send, write } from "./testing/sample-edits.ts";
import { ManualClock } from "./testing/scenario.ts";

const c0ffee = () => 0xc0ffee / 2 ** 32;

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
