import { randomUUID } from "node:crypto";
import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";
import { helloOf } from "../test/test-device.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const fresh = () => ({ household: `home-${randomUUID()}` });
const YOUNGER = "0192f3b1-7c4e-7a10-8f2d-1c5a9b7e4d21";
const YOUNGEST = "0192f3b2-7c4e-7a10-8f2d-1c5a9b7e4d21";

describe("other ground", () => {
  it("sends a device with an older epoch away to heal, at hello, push and ack, and names the new epoch", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    await phone.push(phone.edit());
    await phone.upToDate(1);
    const { cursor, epoch } = phone;

    const early = await world.device("early", { claims });
    early.say({ case: "hello", value: helloOf("early", { householdId: claims.household, epoch: YOUNGER }) });
    expect((await early.next("goAway")).reason).toBe(GoAwayReason.EPOCH_CHANGED);
    expect(early.epoch).toBe(epoch);
    expect(await early.ended()).toBe("ok");

    const pusher = await world.connected("pusher", { claims });
    pusher.sendPush([pusher.edit()], { epoch: YOUNGER });
    expect((await pusher.next("goAway")).reason).toBe(GoAwayReason.EPOCH_CHANGED);
    expect(world.store.home(claims.household).log).toHaveLength(1);

    const stale = await world.device("stale", { claims });
    stale.say({ case: "hello", value: helloOf("stale", { cursor }) });
    expect(await stale.ended()).toMatchObject({ kind: "invalid" });

    world.store.renew(claims.household, YOUNGER, 1);
    const finder = await world.device("finder", { claims });
    finder.say({ case: "hello", value: helloOf("finder", { householdId: claims.household, epoch: YOUNGER }) });
    await finder.next("welcome");
    const returning = await world.device("phone", { claims });
    returning.say({ case: "hello", value: helloOf("phone", { householdId: claims.household, epoch, cursor }) });
    expect((await returning.next("goAway")).reason).toBe(GoAwayReason.EPOCH_CHANGED);
    expect(returning.epoch).toBe(YOUNGER);
    finder.say({ case: "ack", value: { frameId: 0n, cursor } });
    expect((await finder.next("goAway")).reason).toBe(GoAwayReason.EPOCH_CHANGED);
  });

  it("sends everybody away when the log is renewed under them, and lets them in again", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims });
    await phone.push(phone.edit(), phone.edit());
    await panel.upToDate(2);
    world.store.renew(claims.household, YOUNGER, 1);
    await world.store.write(claims.household, randomUUID());
    for (const device of [phone, panel]) {
      const goodBye = await device.next("goAway");
      expect(goodBye.reason).toBe(GoAwayReason.EPOCH_CHANGED);
      expect(goodBye.reconnectAfter).toBeDefined();
      expect(device.epoch).toBe(YOUNGER);
    }
    // For a moment it may be sent away again: the clock learns of the new log as the sessions did.
    let back = await world.device("phone", { claims });
    await back.hello();
    while (back.epoch !== YOUNGER || back.end !== undefined) {
      back = await world.device("phone", { claims });
      await back.hello();
    }
    await back.upToDate(2);
    expect(back.seqs).toEqual([1, 2]);
  });

  it("lets a device in to heal at once when a push of its own found out, and nobody else has said so", async () => {
    const claims = fresh();
    const phone = await world.connected("phone", { claims });
    await phone.push(phone.edit());
    world.store.renew(claims.household, YOUNGER);
    phone.sendPush([phone.edit()]);
    expect((await phone.next("goAway")).reason).toBe(GoAwayReason.EPOCH_CHANGED);
    expect(phone.epoch).toBe(YOUNGER);
    // As it comes for its second replica: from empty, naming no epoch.
    const back = await world.connected("phone", { claims });
    expect(back.epoch).toBe(YOUNGER);

    world.store.renew(claims.household, YOUNGEST);
    const { client } = world.coordinator;
    const token = await world.token(claims);
    const unary = { protocolVersion: "inbetweenies-v1", deviceId: "phone", householdId: claims.household };
    const changes = [back.edit()];
    const refused = client.sync({ ...unary, epoch: YOUNGER, changes }, { token });
    await expect(refused).rejects.toMatchObject({ reason: "EPOCH_CHANGED", details: { epoch: YOUNGEST } });
    expect(await client.sync(unary, { token })).toMatchObject({ epoch: YOUNGEST, upToDate: true });
  });

  it("sends a device of another household away without a way back", async () => {
    const phone = await world.device("phone", { claims: fresh() });
    phone.say({ case: "hello", value: helloOf("phone", { householdId: "somebody-elses", epoch: YOUNGER }) });
    const goodBye = await phone.next("goAway");
    expect(goodBye.reason).toBe(GoAwayReason.HOUSEHOLD_CHANGED);
    expect(goodBye.reconnectAfter).toBeUndefined();

    const pusher = await world.connected("pusher", { claims: fresh() });
    pusher.sendPush([pusher.edit()], { householdId: "somebody-elses" });
    expect((await pusher.next("goAway")).reason).toBe(GoAwayReason.HOUSEHOLD_CHANGED);
  });

  it("does not take another household's cursor", async () => {
    const [mine, theirs] = [fresh(), fresh()];
    const phone = await world.connected("phone", { claims: theirs });
    const stranger = await world.device("stranger", { claims: mine });
    await world.connected("settler", { claims: mine });
    const { cursor, epoch } = phone;
    stranger.say({ case: "hello", value: helloOf("stranger", { cursor, epoch, householdId: mine.household }) });
    expect((await stranger.next("goAway")).reason).toBe(GoAwayReason.HOUSEHOLD_CHANGED);
  });
});
