import type { DeviceId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import { describe, expect, it } from "vitest";
import { applyPage, digestOf, releaseEditsUpTo } from "./base-layer.ts";
import { LocalReplica } from "./local-replica.ts";
import { MemoryStore } from "./memory-store.ts";
import { nodeSha256 } from "./node-hashes.ts";
import { answer, EPOCH, LAMP, nameOf, pulled, ROOM, receive, replica, send, write } from "./testing/sample-edits.ts";

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
