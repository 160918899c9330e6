import { type Change, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { ConflictType } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { beforeAll, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { DevicePen, newRecordId } from "../support/device-pen.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

function open(household: TestHousehold, deviceId: string): WireDevice {
  return WireDevice.open({ sync: system.clients.sync, token: household.tokens.owner, deviceId });
}

/** The integrity check of the store finds nothing: no dead end, no cycle, no gap, no wrong digest. */
async function expectIntegrity(household: TestHousehold): Promise<void> {
  const { faults } = await system.clients.graph.checkIntegrity({}, { token: household.tokens.owner });
  expect(faults).toEqual([]);
}

it("a deleted end takes its edges along, on every device (I11)", async () => {
  const household = await system.newHousehold();
  const pen = new DevicePen("phone");
  await using phone = open(household, "phone");
  await using panel = open(household, "panel");
  const room = pen.entity({ name: "Room" }, { type: "room" });
  const lamp = pen.entity({ name: "Lamp" });
  const edge = pen.edge("located_in", lamp.recordId, room.recordId);
  await phone.push([room, lamp, edge]);
  const { headSeq, outcomes } = await phone.push([pen.remove(room)]);
  expect(outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
  const { digest } = await panel.upToDate(headSeq);
  expect(panel.heads.get(edge.recordId)?.deleted).toBe(true);
  expect(panel.digest()).toBe(digest);
  await expectIntegrity(household);
});

it("an edge pushed while another device deletes its end never lives (I11)", async () => {
  const household = await system.newHousehold();
  const hub = new DevicePen("hub");
  await using device = open(household, "hub");
  await using other = open(household, "other");
  const pen = new DevicePen("other");
  for (let round = 0; round < 8; round++) {
    const room = hub.entity({ name: "Room" }, { type: "room" });
    const lamp = hub.entity({ name: "Lamp" });
    await device.push([room, lamp]);
    const edge = pen.edge("located_in", lamp.recordId, room.recordId);
    const [removed, related] = await Promise.all([device.push([hub.remove(room)]), other.push([edge])]);
    expect(removed.outcomes).toMatchObject([{ outcome: Outcome.APPLIED }]);
    expect([Outcome.APPLIED, Outcome.SUPERSEDED]).toContain(related.outcomes[0]?.outcome);
  }
  await expectIntegrity(household);
});

it("edges of two devices that would close a cycle together: one lives, the other is on record (I11)", async () => {
  const household = await system.newHousehold();
  const pen = new DevicePen("phone");
  const other = new DevicePen("panel");
  await using phone = open(household, "phone");
  await using panel = open(household, "panel");
  const [a, b] = [pen.entity({ name: "A" }), pen.entity({ name: "B" })];
  await phone.push([a, b]);
  const [first, second] = await Promise.all([
    phone.push([pen.edge("part_of", a.recordId, b.recordId)]),
    panel.push([other.edge("part_of", b.recordId, a.recordId)]),
  ]);
  const outcomes = [first, second].map(({ outcomes: [only] }) => only?.outcome);
  expect(outcomes.sort()).toEqual([Outcome.APPLIED, Outcome.SUPERSEDED]);
  const { conflicts } = await system.clients.conflicts.listConflicts({}, { token: household.tokens.owner });
  expect(conflicts).toMatchObject([{ type: ConflictType.CYCLIC_RELATIONSHIP }]);
  await expectIntegrity(household);
});

it("an edge whose end is not known yet is DEFERRED, stores nothing, and is APPLIED once the end is there", async () => {
  const household = await system.newHousehold();
  const pen = new DevicePen("phone");
  await using phone = open(household, "phone");
  const lamp = pen.entity({ name: "Lamp" });
  const roomId = newRecordId();
  const edge = pen.edge("located_in", lamp.recordId, roomId);
  const { outcomes } = await phone.push([edge, lamp]);
  expect(outcomes).toMatchObject([
    { outcome: Outcome.DEFERRED, headSeq: 0n, rejection: { reason: "ENDPOINT_UNKNOWN", field: "relationship.to_id" } },
    { outcome: Outcome.APPLIED, headSeq: 1n },
  ]);
  const room = pen.entity({ name: "Room" }, { type: "room", id: roomId });
  const again = await phone.push([edge, room]);
  expect(again.outcomes).toMatchObject([
    { outcome: Outcome.APPLIED, duplicate: false },
    { outcome: Outcome.APPLIED, duplicate: false },
  ]);
  await expectIntegrity(household);
});

it("an edge waits no longer than seven days for its end", async () => {
  const household = await system.newHousehold();
  const pen = new DevicePen("phone");
  await using phone = open(household, "phone");
  const lamp = pen.entity({ name: "Lamp" });
  const deferredSinceUs = BigInt(Date.now() - 8 * 24 * 3_600_000) * 1_000n;
  const edge = pen.edge("located_in", lamp.recordId, newRecordId(), { deferredSinceUs });
  const { outcomes } = await phone.push([lamp, edge]);
  expect(outcomes[1]).toMatchObject({ outcome: Outcome.REJECTED, rejection: { reason: "ENDPOINT_UNKNOWN" } });
});

it("a device whose clock is days ahead wins nothing by it, and its own edits keep their order (I7)", async () => {
  const household = await system.newHousehold();
  const phone = new DevicePen("phone");
  await using device = open(household, "phone");
  const lamp = phone.entity({ name: "Lamp", colour: "white" });
  await device.push([lamp]);
  // The panel has lived in 2031 all along and says so in its hello.
  const aheadMs = 5 * 365 * 24 * 3_600_000;
  const claimed = (sequence: number) =>
    `${new Date(Date.now() + aheadMs).toISOString()}-panel-${String(sequence).padStart(6, "0")}`;
  await using panel = WireDevice.open({
    sync: system.clients.sync,
    token: household.tokens.owner,
    deviceId: "panel",
    clockOffsetUs: aheadMs * 1_000,
  });
  const pen = new DevicePen("panel");
  const early = pen.update(lamp, { name: "Lamp", colour: "red" }, { version: claimed(1) });
  // Later in truth, though the panel's clock says otherwise.
  const late = phone.update(lamp, { name: "Lamp", colour: "blue" });
  await panel.push([early]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const afterwards = phone.update(lamp, { name: "Lamp", colour: "green" }, { parentVersions: [late.version] });
  await device.push([late, afterwards]);
  const { entity } = await system.clients.entities.getEntity({ id: lamp.recordId }, { token: household.tokens.owner });
  expect(JSON.parse(entity?.bodyJson ?? "")).toEqual({ name: "Lamp", colour: "green" });
});

it("what a device pushes right after an edit that has diverged counts as later than it, and that as later than what it was built on (I7)", async () => {
  const household = await system.newHousehold();
  const token = household.tokens.owner;
  const hub = new DevicePen("hub");
  await using device = open(household, "hub");
  const lamp = hub.entity({ name: "Lamp", colour: "white" });
  await device.push([lamp]);
  const [moved, others] = [hub.update(lamp, { name: "Lamp", colour: "red" }), hub.entity({ name: "Fan" })];
  await device.push([moved, others]);
  const dimmed = hub.update(moved, { name: "Lamp", colour: "red", brightness: 10 });
  await device.push([dimmed]);

  // Its clock was an hour slow, until it was set right before it came back.
  const pen = new DevicePen("phone", -3_600_000_000);
  await using phone = open(household, "phone");
  const built = pen.update(moved, { name: "Lamp", colour: "red", on: true });
  const next = pen.entity({ name: "Kettle" });
  const pushes = [await phone.startPush([built]), await phone.startPush([next])];
  for (const id of pushes) await phone.frame("pushResult", ({ pushId }) => pushId === id);

  const timeOf = async ({ recordId, version }: Change): Promise<bigint> => {
    const { entries } = await system.clients.entities.getEntityHistory({ id: recordId }, { token });
    return entries.find((entry) => entry.version?.version === version)?.version?.effectiveUs ?? 0n;
  };
  expect(await timeOf(built)).toBeGreaterThan(await timeOf(moved));
  expect(await timeOf(next)).toBeGreaterThanOrEqual(await timeOf(built));
});

it.each([
  ["9999", "9999-12-31T23:59:59.999Z"],
  ["1601", "1601-01-01T00:00:00.000Z"],
])("a device whose clock stands in the year %s loses nothing by it (I1, I7)", async (_year, time) => {
  const household = await system.newHousehold();
  const token = household.tokens.owner;
  const clockOffsetUs = (Date.parse(time) - Date.now()) * 1_000;
  await using panel = WireDevice.open({ sync: system.clients.sync, token, deviceId: "panel", clockOffsetUs });
  const pen = new DevicePen("panel");
  const note = pen.entity({ name: "Note" }, { type: "note", overrides: { version: `${time}-panel-000001` } });
  const { outcomes, headSeq } = await panel.push([note]);
  expect(outcomes).toMatchObject([{ outcome: Outcome.APPLIED, duplicate: false }]);
  await using fresh = open(household, "fresh");
  const { digest } = await fresh.upToDate(headSeq);
  expect(fresh.heads.get(note.recordId)?.version).toBe(note.version);
  expect(fresh.digest()).toBe(digest);
  await expectIntegrity(household);
});
