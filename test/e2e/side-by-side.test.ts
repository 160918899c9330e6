import { expect, it } from "vitest";
import { constellation } from "../support/constellation.ts";
import { DevicePen } from "../support/device-pen.ts";
import { domainErrorOf } from "../support/domain-errors.ts";
import { connectDevice, untilEqual } from "../support/node-device.ts";
import { WireDevice } from "../support/wire-device.ts";

it("two constellations run side by side in one process and share nothing, even for a household of the same name", async () => {
  await using one = await constellation();
  await using two = await constellation();
  const household = one.household;
  const ofTwo = await two.mintToken({ household });
  await using a = await connectDevice(one, { deviceId: "phone" });
  await using b = await connectDevice(one, { deviceId: "panel" });
  await using c = await connectDevice(two, { deviceId: "phone", token: ofTwo });
  const lamp = await a.create({ type: "device", body: { name: "Lamp of one" } });
  const other = await c.create({ type: "device", body: { name: "Lamp of two" } });
  await Promise.all([untilEqual(a, b), untilEqual(c)]);
  expect(b.get(lamp)).toBeDefined();
  expect(b.get(other)).toBeUndefined();
  expect(c.get(lamp)).toBeUndefined();
  expect(a.state.epoch).not.toBe(c.state.epoch);

  // Neither believes the other's tokens.
  const { entities } = two.clients;
  const error = await domainErrorOf(entities.getEntity({ id: lamp }, { token: one.tokens.owner }));
  expect(error).toMatchObject({ kind: "unauthenticated", reason: "TOKEN_INVALID" });
});

it("when one of two constellations ends, the other does not notice", async () => {
  await using one = await constellation();
  const two = await constellation();
  const pen = new DevicePen("phone");
  await using phone = WireDevice.open({ sync: one.clients.sync, token: one.tokens.owner, deviceId: pen.device });
  await using panel = WireDevice.open({ sync: one.clients.sync, token: one.tokens.owner, deviceId: "panel" });
  await using visitor = WireDevice.open({ sync: two.clients.sync, token: two.tokens.owner, deviceId: "visitor" });
  await Promise.all([phone.upToDate(), panel.upToDate(), visitor.upToDate()]);
  await two[Symbol.asyncDispose]();
  await visitor.end();
  const { headSeq } = await phone.push([pen.entity({ name: "Still here" })]);
  await panel.upToDate(headSeq);
  expect(panel.frames.some(({ frame }) => frame.case === "goAway")).toBe(false);
});
