import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { HealSchema, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";
import { STORE_AWAY } from "../test/fake-store.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

/** A household of its own for one test. */
const fresh = () => ({ household: `home-${randomUUID()}` });

describe("a stream", () => {
  it("welcomes a device on first contact and tells it that the empty household is all there is", async () => {
    const claims = fresh();
    const phone = await world.device("phone", { claims });
    const welcome = await phone.hello();
    expect(welcome).toMatchObject({ credit: 4, role: "owner", forked: false, headSeq: 0n, highestSequence: 0n });
    expect(welcome.sessionKey.length).toBeGreaterThan(0);
    expect(welcome.serverCapabilities).toContain("stream");
    expect(welcome.rateLimit?.remaining).toBeGreaterThan(0);
    expect(welcome.heartbeatInterval?.seconds).toBe(15n);
    expect(await phone.upToDate()).toMatchObject({ headSeq: 0n, digest: 0n });
    expect(phone.household).toBe(claims.household);
    expect(phone.epoch).toBe(world.store.home(claims.household).epoch);
  });

  it("answers a push and brings it to another device within moments, to its own as a stamp", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims });
    const edit = phone.edit();
    const result = await phone.push(edit);
    expect(result.outcomes).toMatchObject([
      { recordId: edit.recordId, version: edit.version, outcome: Outcome.APPLIED, headSeq: 1n, duplicate: false },
    ]);
    expect(result).toMatchObject({ pushId: 1n, syncStatus: SyncStatus.SUCCESS, headSeq: 1n, refusedReason: "" });
    expect(result.rateLimit?.remaining).toBeGreaterThan(0);

    const { digest } = world.store.home(claims.household);
    expect(await panel.upToDate(1)).toMatchObject({ digest });
    expect(await phone.upToDate(1)).toMatchObject({ digest });
    expect(panel.changes).toMatchObject([{ frameId: 1n, backlog: false, headSeq: 1n }]);
    expect(panel.seqs).toEqual([1]);
    expect(Math.abs(phone.seqs[0] ?? 0)).toBe(1);
  });

  it("gives own versions back as stamps once they were answered", async () => {
    const claims = fresh();
    world.store.inline = false;
    const phone = await world.connected("phone", { claims });
    await phone.push(...Array.from({ length: 20 }, () => phone.edit()));
    await phone.upToDate(20);
    world.store.inline = true;
    expect(phone.seqs).toEqual(Array.from({ length: 20 }, (_, index) => -(index + 1)));
  });

  it("sends a backlog in pages within the credit, then goes live, without gap or repeat", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    await phone.push(...Array.from({ length: 100 }, () => phone.edit()));
    world.store.pageLimit = 10;
    const panel = await world.device("panel", { claims });
    panel.acks = false;
    await panel.hello();
    for (let frame = 0; frame < 4; frame += 1) await panel.next("changes");
    await phone.push(phone.edit(), phone.edit());
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(panel.changes).toHaveLength(4);
    expect(panel.changes.every(({ backlog }) => backlog)).toBe(true);

    panel.acks = true;
    const last = panel.changes.at(-1);
    panel.say({ case: "ack", value: { frameId: last?.frameId ?? 0n, cursor: last?.cursor ?? "" } });
    await panel.upToDate(102);
    await phone.push(phone.edit());
    await panel.upToDate(103);
    world.store.pageLimit = 1_000;
    expect(panel.seqs).toEqual(Array.from({ length: 103 }, (_, index) => index + 1));
    expect(panel.changes.map(({ frameId }) => Number(frameId))).toEqual(
      Array.from({ length: panel.changes.length }, (_, index) => index + 1),
    );
  });

  it("resumes at the cursor, and leaves out tombstones of what a fresh device never had", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const [kept, gone] = [phone.edit(), phone.edit()];
    await phone.push(kept, gone);
    await phone.push(phone.edit({ recordId: gone.recordId, parentVersions: [gone.version], deleted: true }));
    await phone.upToDate(3);
    const { cursor, epoch } = phone;

    const panel = await world.connected("panel", { claims });
    expect(panel.seqs).toEqual([1]);
    await phone.push(phone.edit({ recordId: kept.recordId, parentVersions: [kept.version], deleted: true }));
    await panel.upToDate(4);
    expect(panel.seqs).toEqual([1, 4]);

    const again = await world.device("phone", { claims });
    const sessionKey = phone.welcome?.sessionKey ?? new Uint8Array();
    await again.hello({ cursor, epoch, householdId: claims.household, sessionKey });
    await again.upToDate(4);
    expect(again.seqs).toEqual([4]);
    expect(again.welcome?.forked).toBe(false);
  });

  it("starts over with a cursor that does not verify", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    await phone.push(phone.edit());
    const panel = await world.device("panel", { claims });
    await panel.hello({ cursor: "no-cursor-of-ours", epoch: phone.epoch, householdId: claims.household });
    await panel.upToDate(1);
    expect(panel.seqs).toEqual([1]);
  });

  it("tells a device whose session key is neither of the last two that it is a clone", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const clone = await world.device("phone", { claims });
    expect(await clone.hello({ sessionKey: Buffer.from("key 7") })).toMatchObject({ forked: true });
    const original = await world.device("phone", { claims });
    const sessionKey = phone.welcome?.sessionKey ?? new Uint8Array();
    expect(await original.hello({ sessionKey })).toMatchObject({ forked: false });
  });

  it("answers pings", async () => {
    const phone = await world.connected("phone", { claims: fresh() });
    phone.say({ case: "ping", value: { nonce: 42n } });
    expect(await phone.next("pong")).toMatchObject({ nonce: 42n });
  });

  it("ends well when the device has said its last, after it has answered everything", async () => {
    const phone = await world.connected("phone", { claims: fresh() });
    phone.sendPush([phone.edit()]);
    phone.leave();
    expect((await phone.next("pushResult")).outcomes).toHaveLength(1);
    expect(await phone.ended()).toBe("ok");
  });
});

describe("pushing over a stream", () => {
  it("keeps two pushes under way and answers them in order", async () => {
    const phone = await world.connected("phone", { claims: fresh() });
    const { promise: secondCommitted, resolve } = Promise.withResolvers<void>();
    const order: number[] = [];
    world.store.beforeCommit = async ({ requestId }) => {
      order.push(Number(requestId));
      if (order.length === 2) resolve();
    };
    phone.sendPush([phone.edit()]);
    phone.sendPush([phone.edit()]);
    await secondCommitted;
    expect((await phone.next("pushResult")).pushId).toBe(1n);
    expect((await phone.next("pushResult")).pushId).toBe(2n);
    world.store.beforeCommit = async () => {};
  });

  it("commits a push that edits what the one before edits only after that one is settled", async () => {
    const phone = await world.connected("phone", { claims: fresh() });
    const first = phone.edit();
    phone.sendPush([first]);
    phone.sendPush([phone.edit({ recordId: first.recordId, parentVersions: [first.version] })]);
    phone.sendPush([phone.edit()]);
    const outcomes = [];
    for (let count = 0; count < 3; count += 1) outcomes.push(...(await phone.next("pushResult")).outcomes);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.APPLIED, Outcome.APPLIED]);
  });

  it("has diverged changes resolved and committed, and answers them together with the rest", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims });
    const create = phone.edit();
    await phone.push(create);
    await phone.push(phone.edit({ recordId: create.recordId, parentVersions: [create.version] }));
    const { outcomes, headSeq } = await panel.push(
      panel.edit(),
      panel.edit({ recordId: create.recordId, parentVersions: [create.version] }),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.MERGED]);
    expect(headSeq).toBe(5n);
    await phone.upToDate(5);
    await panel.upToDate(5);
  });

  it("loses at most five races, then asks for the change again", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const create = phone.edit();
    await phone.push(create);
    let races = 0;
    world.store.beforeResolve = async () => {
      races += 1;
      await world.store.write(claims.household, create.recordId);
    };
    const stale = phone.edit({ recordId: create.recordId, parentVersions: ["2026-11-22T09:41:02.581Z-x-000001"] });
    const result = await phone.push(phone.edit(), stale);
    world.store.beforeResolve = async () => {};
    expect(races).toBe(5);
    expect(result.outcomes.map(({ outcome }) => outcome)).toEqual([Outcome.APPLIED, Outcome.RETRY]);
    expect(result.syncStatus).toBe(SyncStatus.PARTIAL);
  });

  it("refuses a push while the store is away, says when to send it again, and the session goes on", async () => {
    const phone = await world.connected("phone", { claims: fresh() });
    world.store.beforeCommit = () => Promise.reject(STORE_AWAY);
    const edit = phone.edit();
    const refused = await phone.push(edit);
    expect(refused).toMatchObject({ refusedReason: "UNAVAILABLE", outcomes: [] });
    expect(refused.retryAfter).toBeDefined();
    world.store.beforeCommit = async () => {};
    expect((await phone.push(edit)).outcomes).toMatchObject([{ outcome: Outcome.APPLIED, duplicate: false }]);
  });

  it("refuses what has waited for a push of which something is to be sent again, so that it does not get ahead", async () => {
    const claims = fresh();
    const panel = await world.connected("panel", { claims });
    const lamp = panel.edit();
    await panel.push(lamp);
    const phone = await world.connected("phone", { claims });
    const first = phone.edit({ recordId: lamp.recordId, parentVersions: [lamp.version] });
    const second = phone.edit();
    const bothAnswers = async () => {
      phone.sendPush([first]);
      phone.sendPush([second]);
      return [await phone.next("pushResult"), await phone.next("pushResult")];
    };

    world.store.beforeCommit = () => {
      world.store.beforeCommit = async () => {};
      return Promise.reject(STORE_AWAY);
    };
    expect(await bothAnswers()).toMatchObject([{ refusedReason: "UNAVAILABLE" }, { refusedReason: "UNAVAILABLE" }]);
    await panel.push(panel.edit({ recordId: lamp.recordId, parentVersions: [lamp.version] }));
    world.store.beforeResolve = () => Promise.reject(STORE_AWAY);
    expect(await bothAnswers()).toMatchObject([
      { outcomes: [{ outcome: Outcome.RETRY }] },
      { refusedReason: "UNAVAILABLE", outcomes: [] },
    ]);
    world.store.beforeResolve = async () => {};
    expect(await bothAnswers()).toMatchObject([
      { outcomes: [{ outcome: Outcome.MERGED }] },
      { outcomes: [{ outcome: Outcome.APPLIED, duplicate: false }] },
    ]);
  });

  it("takes heals in frames of their own, from whoever may write", async () => {
    const claims = fresh();
    const heal = { author: "bob", deviceId: "phone", effectiveUs: 5n };
    const phone = await world.connected("phone", { claims: { ...claims, role: "member" } });
    const ground = { pushId: 1n, householdId: phone.household, epoch: phone.epoch };
    phone.say({ case: "heal", value: { ...ground, changes: [phone.edit({ heal: create(HealSchema, heal) })] } });
    expect((await phone.next("pushResult")).outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);

    const healing = { heal: create(HealSchema, heal) };
    const wrongs = [
      { frame: "heal", change: {}, role: "member", kind: "invalid" },
      { frame: "push", change: healing, role: "member", kind: "invalid" },
      { frame: "heal", change: healing, role: "guest", kind: "permission-denied" },
    ] as const;
    for (const [index, { frame, change, role, kind }] of wrongs.entries()) {
      const device = await world.connected(`device-${index}`, { claims: { ...claims, role } });
      device.say({ case: frame, value: { ...ground, changes: [device.edit(change)] } });
      expect(await device.ended()).toMatchObject({ kind });
    }
    expect(world.store.home(claims.household).log).toHaveLength(1);
  });

  it("answers what it resends with its first outcome", async () => {
    const phone = await world.connected("phone", { claims: fresh() });
    const edit = phone.edit();
    await phone.push(edit);
    expect((await phone.push(edit)).outcomes).toMatchObject([
      { outcome: Outcome.APPLIED, duplicate: true, headSeq: 1n },
    ]);
  });

  it("refuses more requests than a second allows, as a push and as a call", async () => {
    const tight = await world.replica({ DEVICE_REQUESTS_PER_SECOND: "20" });
    const phone = await world.connected("phone", { at: tight, claims: fresh() });
    // A busy machine may spread a few requests over seconds, but not for ever.
    let refused = await phone.push(phone.edit());
    for (let count = 0; count < 1_000 && refused.refusedReason === ""; count += 1) {
      for (let burst = 0; burst < 40; burst += 1) phone.sendPush([phone.edit()]);
      for (let burst = 0; burst < 40; burst += 1) {
        const answer = await phone.next("pushResult");
        if (answer.refusedReason !== "") refused = answer;
      }
    }
    expect(refused).toMatchObject({ refusedReason: "RATE_LIMITED", rateLimit: { remaining: 0 } });
    expect(refused.retryAfter).toBeDefined();
  });
});
