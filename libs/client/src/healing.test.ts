import type { RecordId } from "@funkygibbon/kernel/ids";
import { stampsFromWire } from "@funkygibbon/wire/stamps";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryStore } from "./memory-store.ts";
import type { Edit } from "./replica-record.ts";
import type { StoreBatch } from "./store.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientPen, room, roomNames, within } from "./testing/scenario.ts";

const { device, connected, closeAll } = clientPen();
afterEach(closeAll);

const NO_CHANGE: StoreBatch = { meta: undefined, clearRecords: false, putRecords: [], putEdits: [], removeEdits: [] };

describe("a base that does not add up", () => {
  it("is pulled again as a whole beside the old one", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    await ada.create(room("Kitchen"));
    const id = await ada.create(room("Ghost"));
    await ada.settled(within());
    await ada.disconnect();
    server.heads.delete(id);
    await ada.create(room("Bath"));
    ada.connect();
    await ada.settled(within());
    expect(roomNames(ada)).toEqual(["Bath", "Kitchen"]);
    expect(ada.digest).toBe(server.digest);
    expect(ada.state.digestMismatches).toBe(1);
  });
});

describe("after a restore from a backup", () => {
  it("every device brings back what the log has lost, and nobody sees anything vanish", async () => {
    const server = new ModelServer();
    const [ada, ben] = [await connected(server, "ada"), await connected(server, "ben")];
    await ada.create(room("Attic"));
    const bath = await ada.create(room("Bath"));
    await ada.settled(within());
    await ben.update(bath, { floor: 1 });
    await ben.create(room("Cellar"));
    await ben.settled(within());
    await ada.until(({ upToDateSeq }) => upToDateSeq === server.headSeq, within());
    const seen = new Set<string>();
    ada.onChange(() => seen.add(roomNames(ada).join()));
    await ben.disconnect();
    server.restore(1);
    await ada.until((state) => state.epoch === server.epoch && state.phase === "live", within());
    ben.connect();
    await ben.until((state) => state.epoch === server.epoch, within());
    await ben.settled(within());
    await ada.settled(within());
    await ada.until(({ upToDateSeq }) => upToDateSeq === server.headSeq, within());
    await ben.until(({ upToDateSeq }) => upToDateSeq === server.headSeq, within());
    expect(roomNames(ada)).toEqual(["Attic", "Bath", "Cellar"]);
    expect(roomNames(ben)).toEqual(["Attic", "Bath", "Cellar"]);
    expect([...seen]).toEqual(seen.size === 0 ? [] : ["Attic,Bath,Cellar"]);
    expect(ben.digest).toBe(server.digest);
    expect(ada.digest).toBe(server.digest);
    const heals = server.pushes.filter(({ kind }) => kind === "heal").flatMap(({ changes }) => changes);
    expect(heals.map(({ heal }) => heal?.deviceId).sort()).toEqual(["ben", "ben"]);
  });

  it("edits say what they have changed, for a log that has nothing left to compare them with", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    const [kitchen, bath] = await ada.edit((editor) => [editor.create(room("Kitchen")), editor.create(room("Bath"))]);
    const lamp = await ada.create({ type: "device", body: { name: "Lamp", old: 1, same: { a: 1 } } });
    const edge = await ada.relate({ type: "located_in", from: lamp, to: kitchen });
    await ada.settled(within());
    await ada.update(lamp, { name: "Desk lamp", same: { a: 1 }, fresh: null }, { remove: ["old"] });
    await ada.edit((editor) => editor.redirect(edge, { to: bath }));
    await ada.settled(within());
    const said = server.pushes.flatMap(({ changes }) => changes.map((change) => [change.recordId, change.changedKeys]));
    expect(said.filter(([, keys]) => keys?.length !== 0)).toEqual([
      [lamp, ["name", "old", "fresh"]],
      [edge, ["@ends"]],
    ]);
  });

  it("what a clone has taken the version of comes back under a version of the device that brings it", async () => {
    const server = new ModelServer();
    const [ada, ben] = [await connected(server, "ada"), await connected(server, "ben")];
    const attic = await ada.create({ type: "room", body: { name: "Attic", floor: 3 } });
    await ada.settled(within());
    await ben.until(({ upToDateSeq }) => upToDateSeq === server.headSeq, within());
    await ada.disconnect();
    const lost = server.heads.get(attic)?.version ?? "";
    const [stamp] = [...ben.baseRecords()].map(({ effectiveUs, device, sequence }) => ({
      effectiveUs,
      device,
      sequence,
    }));
    server.rules.diverged = () => "supersede";
    server.rules.reject = ({ version }) => (version === lost ? "VERSION_REUSED" : undefined);
    server.restore(0);
    await ben.until((state) => state.epoch === server.epoch && state.phase === "live", within());
    await ben.settled(within());
    expect(ben.get(attic)).toMatchObject({ name: "Attic", body: { floor: 3 } });
    expect(ben.deadLetters()).toEqual([]);
    expect(ben.digest).toBe(server.digest);
    const { change, author } = server.heads.get(attic) ?? {};
    expect({ version: change?.version.includes("-ben-"), author }).toEqual({ version: true, author: "ada" });
    // What every key says is as old as it was.
    expect(stampsFromWire(change?.heal?.stamps ?? [])).toEqual([{ stamp, keys: ["floor", "name"] }]);
  });

  it("what the server does not take back stays as a dead letter, beside an edit that a clone's version was given to", async () => {
    const server = new ModelServer();
    const store = new MemoryStore();
    const ada = await connected(server, "ada", store);
    const attic = await ada.create({ type: "room", body: { name: "Attic", floor: 3 } });
    await ada.settled(within());
    await ada.disconnect();
    // The attic was a clone's; what this device has made under the same version waits for an end that is not known yet.
    const [base] = [...ada.baseRecords()];
    if (base === undefined) throw new Error("the attic was pulled");
    const record = "01930000-0000-7000-8000-00000000000a" as RecordId;
    const content = { kind: "relationship", type: "part_of", from: base.record, to: record } as const;
    const nowUs = Date.now() * 1_000;
    const waits = { kind: "deferred", sinceUs: nowUs, nextAtUs: nowUs + 3_600_000_000 } as const;
    const { version, sequence, claimedUs } = base;
    const twin: Edit = {
      ...{ record, version, sequence, claimedUs, parents: [], deleted: false, wish: undefined, changedKeys: [] },
      ...{ content: { ...content, source: "manual", bodyJson: "{}" }, state: waits },
    };
    await store.apply({ ...NO_CHANGE, putEdits: [twin] });
    server.rules.reject = ({ heal }) => (heal === undefined ? undefined : "NOT_TAKEN");
    server.restore(0);

    const again = await device(server, "ada", store);
    again.connect();
    await again.until((state) => state.epoch === server.epoch && state.phase === "live", within());
    expect(again.get(attic)).toBeUndefined();
    const letter = { record: attic, content: base.content, state: { rejection: { reason: "HEAL_REJECTED" } } };
    expect(again.deadLetters()).toMatchObject([letter]);
    const { edits } = await store.load();
    expect(edits).toHaveLength(2);
    expect(edits).toContainEqual(twin);
  });

  it("answered edits that the base does not hold yet are sent again", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    await ada.create(room("Attic"));
    await ada.settled(within());
    await ada.disconnect();
    await ada.create(room("Bath"));
    server.restore(0);
    ada.connect();
    await ada.until((state) => state.epoch === server.epoch, within());
    await ada.settled(within());
    expect([...server.heads.values()].map(({ change }) => change.heal !== undefined)).toEqual([true, false]);
    expect(roomNames(ada)).toEqual(["Attic", "Bath"]);
  });
});
