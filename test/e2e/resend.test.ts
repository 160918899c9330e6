import { type Change, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen } from "../support/device-pen.ts";
import { readHousehold } from "../support/household-record.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

async function pushOn(household: TestHousehold, deviceId: string, changes: readonly Change[]) {
  const token = household.tokens.owner;
  await using device = WireDevice.open({ sync: system.clients.sync, token, deviceId });
  const { outcomes } = await device.push(changes);
  return outcomes.map(({ recordId, version, outcome, duplicate }) => ({ recordId, version, outcome, duplicate }));
}

/** A household in which `phone` and `panel` have edited the same lamp on top of its first version. */
async function contested() {
  const household = await system.newHousehold();
  const phone = new DevicePen("phone");
  const panel = new DevicePen("panel");
  const lamp = phone.entity({ name: "Lamp", colour: "white" });
  await pushOn(household, "phone", [lamp]);
  await pushOn(household, "phone", [phone.update(lamp, { name: "Lamp", colour: "blue" })]);
  return { household, phone, panel, lamp };
}

describe("a resend changes nothing and gets its first outcome, flagged as a duplicate (I3)", () => {
  it.each([
    {
      what: "APPLIED",
      outcome: Outcome.APPLIED,
      change: ({ panel }: Awaited<ReturnType<typeof contested>>) => panel.entity({ name: "New" }),
    },
    {
      what: "MERGED",
      outcome: Outcome.MERGED,
      change: ({ panel, lamp }: Awaited<ReturnType<typeof contested>>) =>
        panel.update(lamp, { name: "Desk lamp", colour: "white" }),
    },
    {
      what: "SUPERSEDED",
      outcome: Outcome.SUPERSEDED,
      change: ({ panel, lamp }: Awaited<ReturnType<typeof contested>>) =>
        panel.update(lamp, { name: "Lamp", colour: "red" }, { wish: 2 }),
    },
    {
      what: "PENDING_REVIEW",
      outcome: Outcome.PENDING_REVIEW,
      change: ({ panel, lamp }: Awaited<ReturnType<typeof contested>>) =>
        panel.update(lamp, { name: "Lamp", colour: "red" }, { wish: 4 }),
    },
  ])("$what", async ({ outcome, change }) => {
    const scene = await contested();
    const edit = change(scene);
    const first = await pushOn(scene.household, "panel", [edit]);
    expect(first).toEqual([{ recordId: edit.recordId, version: edit.version, outcome, duplicate: false }]);
    const before = await readHousehold(system.ground.database, scene.household.id);

    // On a new session, and once more after the head has moved on.
    expect(await pushOn(scene.household, "panel", [edit])).toEqual(first.map((one) => ({ ...one, duplicate: true })));
    expect(await readHousehold(system.ground.database, scene.household.id)).toEqual(before);
    await pushOn(scene.household, "phone", [scene.phone.entity({ name: "Meanwhile" })]);
    expect(await pushOn(scene.household, "panel", [edit])).toEqual(first.map((one) => ({ ...one, duplicate: true })));
  });

  it("in the same push as well", async () => {
    const household = await system.newHousehold();
    const lamp = new DevicePen("phone").entity({ name: "Lamp" });
    const outcomes = await pushOn(household, "phone", [lamp, lamp]);
    expect(outcomes).toMatchObject([
      { outcome: Outcome.APPLIED, duplicate: false },
      { outcome: Outcome.APPLIED, duplicate: true },
    ]);
    expect((await readHousehold(system.ground.database, household.id)).versions).toHaveLength(1);
  });

  it("when bytes differ but not what they mean", async () => {
    const household = await system.newHousehold();
    const lamp = new DevicePen("phone").entity({ name: "Lamp", on: true });
    await pushOn(household, "phone", [lamp]);
    if (lamp.content.case !== "entity") throw new Error("an entity was made");
    lamp.content.value.bodyJson = '{ "on": true,\n "name": "L\\u0061mp" }';
    expect(await pushOn(household, "phone", [lamp])).toMatchObject([{ outcome: Outcome.APPLIED, duplicate: true }]);
  });
});

it("a version that says something else than the first time is VERSION_REUSED and changes nothing", async () => {
  const household = await system.newHousehold();
  const lamp = new DevicePen("phone").entity({ name: "Lamp" });
  await pushOn(household, "phone", [lamp]);
  const before = await readHousehold(system.ground.database, household.id);
  if (lamp.content.case !== "entity") throw new Error("an entity was made");
  lamp.content.value.bodyJson = '{"name":"Other"}';
  await using device = WireDevice.open({
    sync: system.clients.sync,
    token: household.tokens.owner,
    deviceId: "phone",
  });
  const { outcomes } = await device.push([lamp]);
  expect(outcomes).toMatchObject([{ outcome: Outcome.REJECTED, rejection: { reason: "VERSION_REUSED" } }]);
  expect(await readHousehold(system.ground.database, household.id)).toEqual(before);
});
