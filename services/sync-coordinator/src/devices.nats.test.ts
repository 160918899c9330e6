import { randomUUID } from "node:crypto";
import { fromBinary } from "@bufbuild/protobuf";
import { householdSubject } from "@funkygibbon/events/subjects";
import { PresenceChangedSchema } from "@funkygibbon/gen/funkygibbon/event/v1/events_pb";
import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CoordinatorWorld, coordinatorWorld } from "../test/coordinator-world.ts";

let world: CoordinatorWorld;
beforeAll(async () => {
  world = await coordinatorWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("the devices of a household", () => {
  it("are listed with who is connected, since when, and how far behind", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const token = await world.token(claims);
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims });
    await phone.push(phone.edit(), phone.edit());
    await phone.upToDate(2);
    panel.leave();
    await panel.ended();
    const list = async () => (await world.coordinator.client.listDevices({}, { token })).devices;
    await expect.poll(async () => (await list()).find(({ deviceId }) => deviceId === "phone")?.lag).toBe(0n);
    const [first, second] = await list();
    expect(first).toMatchObject({ deviceId: "panel", userId: "ada", connected: false });
    expect(second).toMatchObject({ deviceId: "phone", userId: "ada", connected: true });
    expect(first?.connectedSince).toBeDefined();
    expect(Math.abs(Number(second?.connectedSince?.seconds) - Date.now() / 1_000)).toBeLessThan(30);
  });

  it("are told of as they come and go, and listed, on whichever replica they are", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const token = await world.token(claims);
    const other = await world.replica();
    const events: (readonly [string, boolean])[] = [];
    const subject = householdSubject(parseHouseholdId(household), "presence");
    const listening = world.events.subscribe(subject, ({ data }) => {
      const event = fromBinary(PresenceChangedSchema, data);
      expect(event).toMatchObject({ householdId: household });
      expect(Math.abs(Number(event.changedUs) / 1_000 - Date.now())).toBeLessThan(30_000);
      events.push([event.deviceId, event.connected]);
    });
    await world.events.ping();
    const here = await world.connected("here", { claims });
    await expect.poll(() => events).toEqual([["here", true]]);
    const there = await world.connected("there", { claims, at: other });
    await expect
      .poll(() => events)
      .toEqual([
        ["here", true],
        ["there", true],
      ]);
    // Both replicas say the same of both.
    for (const at of [world.coordinator, other]) {
      const { devices } = await at.client.listDevices({}, { token });
      expect(devices.map(({ deviceId, connected }) => [deviceId, connected])).toEqual([
        ["here", true],
        ["there", true],
      ]);
    }
    // A newer session of the device, elsewhere, is no good-bye.
    const moved = await world.connected("here", { claims, at: other });
    expect((await here.next("goAway")).reason).toBe(GoAwayReason.SUPERSEDED);
    await expect.poll(() => events.slice(2)).toEqual([["here", true]]);

    // Behind by what it does not acknowledge, and by nothing once it has.
    there.acks = false;
    await moved.push(moved.edit(), moved.edit(), moved.edit());
    await there.next("changes");
    const lagOf = async (device: string) => {
      const { devices } = await world.coordinator.client.listDevices({}, { token });
      return devices.find(({ deviceId }) => deviceId === device)?.lag;
    };
    expect(await lagOf("there")).toBe(3n);
    const { frameId, cursor } = must(there.changes.at(-1), "it has just come");
    there.say({ case: "ack", value: { frameId, cursor } });
    await expect.poll(() => lagOf("there")).toBe(0n);

    there.leave();
    await there.ended();
    await expect.poll(() => events.slice(3)).toEqual([["there", false]]);
    const { devices } = await world.coordinator.client.listDevices({}, { token });
    expect(devices.map(({ deviceId, connected }) => [deviceId, connected])).toEqual([
      ["here", true],
      ["there", false],
    ]);
    await listening[Symbol.asyncDispose]();
  });

  it("are asked to sync on whichever replica they are", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const token = await world.token(claims);
    const other = await world.replica();
    const phone = await world.connected("phone", { claims });
    const panel = await world.connected("panel", { claims, at: other });
    const ask = (deviceId: string) =>
      world.coordinator.client.requestSync({ deviceId, reason: "the assistant asks" }, { token });
    expect(await ask("")).toMatchObject({ devicesAsked: 2 });
    for (const device of [phone, panel]) {
      expect(await device.next("syncRequested")).toMatchObject({ reason: "the assistant asks" });
    }
    expect(await ask("panel")).toMatchObject({ devicesAsked: 1 });
    await panel.next("syncRequested");
    expect(await ask("nobody")).toMatchObject({ devicesAsked: 0 });
  });

  it("are forgotten by owners only, wherever they are connected", async () => {
    const household = `home-${randomUUID()}`;
    const claims = { household };
    const other = await world.replica();
    const phone = await world.connected("phone", { claims, at: other });
    const forget = async (role: "owner" | "member") =>
      world.coordinator.client.forgetDevice({ deviceId: "phone" }, { token: await world.token({ household, role }) });
    await expect(forget("member")).rejects.toMatchObject({ kind: "permission-denied", reason: "OWNERS_ONLY" });
    await forget("owner");
    expect((await phone.next("goAway")).reconnectAfter).toBeUndefined();
    const heir = await world.connected("phone", { claims: { ...claims, user: "ben", role: "member" } });
    expect(heir.welcome?.role).toBe("member");
  });
});
