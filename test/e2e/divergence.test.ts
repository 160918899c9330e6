import type { Client } from "@funkygibbon/client/client";
import { ConflictDecision, ConflictType, ResolutionStrategy } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { seqsOf } from "../support/household-record.ts";
import { connectDevice, untilEqual } from "../support/node-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** Two devices that hold the same lamp and are offline. */
async function apart(household: TestHousehold, body: Record<string, string | boolean>) {
  const phone = await connectDevice(system, { deviceId: "phone", token: household.tokens.owner });
  const panel = await connectDevice(system, { deviceId: "panel", token: household.tokens.member });
  const lamp = await phone.create({ type: "device", body });
  await untilEqual(phone, panel);
  await Promise.all([phone.disconnect(), panel.disconnect()]);
  return { phone, panel, lamp };
}

/** The first comes back, is answered, then the second. */
async function rejoin(first: Client, second: Client): Promise<void> {
  first.connect();
  await untilEqual(first);
  second.connect();
  await untilEqual(first, second);
}

async function conflictsOf(household: TestHousehold) {
  const { conflicts } = await system.clients.conflicts.listConflicts({}, { token: household.tokens.owner });
  return conflicts;
}

describe("edits made apart", () => {
  it("of different fields both stand, without a conflict of content", async () => {
    const household = await system.newHousehold();
    const { phone, panel, lamp } = await apart(household, { name: "Lamp", colour: "white" });
    await using _phone = phone;
    await using _panel = panel;
    await phone.update(lamp, { name: "Desk lamp" });
    await panel.update(lamp, { colour: "red" });
    await rejoin(phone, panel);
    for (const device of [phone, panel]) {
      expect(device.get(lamp)).toMatchObject({ body: { name: "Desk lamp", colour: "red" } });
    }
    expect(panel.digest).toBe(phone.digest);
    expect((await conflictsOf(household)).filter(({ type }) => type === ConflictType.CONTENT_CONFLICT)).toEqual([]);
    const { entity } = await system.clients.entities.getEntity({ id: lamp }, { token: household.tokens.guest });
    expect(JSON.parse(entity?.bodyJson ?? "")).toEqual({ name: "Desk lamp", colour: "red" });
  });

  it.each([
    ["the earlier one comes first", (phone: Client, panel: Client) => rejoin(phone, panel)],
    ["the later one comes first", (phone: Client, panel: Client) => rejoin(panel, phone)],
  ])("of the same field: the later edit stands when %s (I6)", async (_order, comeBack) => {
    const household = await system.newHousehold();
    const { phone, panel, lamp } = await apart(household, { name: "Lamp", colour: "white" });
    await using _phone = phone;
    await using _panel = panel;
    await phone.update(lamp, { colour: "blue" });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await panel.update(lamp, { colour: "red" });
    await comeBack(phone, panel);
    for (const device of [phone, panel]) expect(device.get(lamp)).toMatchObject({ body: { colour: "red" } });
    expect(panel.digest).toBe(phone.digest);

    const [conflict, ...more] = await conflictsOf(household);
    expect(more).toEqual([]);
    expect(conflict).toMatchObject({ recordId: lamp, type: ConflictType.CONTENT_CONFLICT });
    expect(conflict?.decision).not.toBe(ConflictDecision.OPEN);
    const [field] = conflict?.fields ?? [];
    expect(field).toMatchObject({ field: "colour", baseJson: '"white"', decidedJson: '"red"' });
    expect([field?.localJson, field?.serverJson].sort()).toEqual(['"blue"', '"red"']);
  });

  it.each([
    ["the delete comes first", (phone: Client, panel: Client) => rejoin(phone, panel)],
    ["the edit comes first", (phone: Client, panel: Client) => rejoin(panel, phone)],
  ])(
    "a delete against an edit: both devices agree and the contradiction is on record when %s",
    async (_order, back) => {
      const household = await system.newHousehold();
      const { phone, panel, lamp } = await apart(household, { name: "Lamp" });
      await using _phone = phone;
      await using _panel = panel;
      await phone.remove(lamp);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await panel.update(lamp, { name: "Better lamp" });
      await back(phone, panel);
      expect(phone.get(lamp)).toEqual(panel.get(lamp));
      expect(panel.digest).toBe(phone.digest);
      const conflicts = await conflictsOf(household);
      expect(conflicts).toMatchObject([{ recordId: lamp, type: ConflictType.DELETE_UPDATE }]);
      // Both sides are in history, whoever won (I1).
      const { entries } = await system.clients.entities.getEntityHistory(
        { id: lamp },
        { token: household.tokens.owner },
      );
      const devices = entries.map(({ version }) => version?.deviceId);
      expect(devices).toEqual(expect.arrayContaining(["phone", "panel"]));
    },
  );

  it("waits for a person when the device wishes so, and the decision reaches every device", async () => {
    const household = await system.newHousehold();
    const { phone, panel, lamp } = await apart(household, { name: "Lamp", colour: "white" });
    await using _phone = phone;
    await using _panel = panel;
    await phone.update(lamp, { colour: "blue" });
    await panel.edit((editor) => editor.update(lamp, { colour: "red" }, { wish: "manual" }));
    await rejoin(phone, panel);
    expect(panel.get(lamp)).toMatchObject({ body: { colour: "blue" } });
    const token = household.tokens.owner;
    const [open] = await conflictsOf(household);
    expect(open).toMatchObject({ decision: ConflictDecision.OPEN, recordId: lamp });

    const settled = await system.clients.conflicts.settleConflict(
      {
        id: open?.id ?? "",
        etag: open?.etag ?? "",
        decision: { case: "strategy", value: ResolutionStrategy.ACCEPT_LOCAL },
      },
      { token },
    );
    expect(settled.conflict?.decision).toBe(ConflictDecision.TOOK_LOCAL);
    await expect.poll(() => phone.get(lamp)).toMatchObject({ body: { colour: "red" } });
    await untilEqual(phone, panel);
    expect(panel.digest).toBe(phone.digest);
    const seqs = await seqsOf(system.ground.database, household.id);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  });

  it("of many devices at once end the same everywhere, with nobody's own field lost (I2, I6)", async () => {
    const household = await system.newHousehold();
    const token = household.tokens.owner;
    const devices = await Promise.all(
      Array.from({ length: 5 }, (_, index) => connectDevice(system, { deviceId: `device-${index}`, token })),
    );
    await using stack = new AsyncDisposableStack();
    for (const device of devices) stack.use(device);
    const [first] = devices;
    const lamp = await first?.create({ type: "device", body: { name: "Lamp" } });
    if (first === undefined || lamp === undefined) throw new Error("there are five devices");
    await untilEqual(...devices);
    await Promise.all(devices.map((device) => device.disconnect()));
    for (const [index, device] of devices.entries()) {
      for (let round = 0; round < 3; round++) {
        await device.update(lamp, { [`field${index}`]: round, shared: `${index}.${round}` });
      }
    }
    for (const device of devices) device.connect();
    await untilEqual(...devices);
    for (const device of devices) {
      expect(device.get(lamp)).toMatchObject({
        body: { name: "Lamp", field0: 2, field1: 2, field2: 2, field3: 2, field4: 2, shared: "4.2" },
      });
      expect(device.digest).toBe(first.digest);
    }
  });
});
