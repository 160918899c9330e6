import { GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { beforeAll, expect, it } from "vitest";
import { SERVICE_NAMES } from "../support/constellation-ground.ts";
import { connectDevice, within } from "../support/node-device.ts";
import { type ProcessConstellation, processConstellation } from "../support/process-constellation.ts";
import { WireDevice } from "../support/wire-device.ts";

let system: ProcessConstellation;
beforeAll(async () => {
  system = await processConstellation();
  return () => system[Symbol.asyncDispose]();
});

it("a service that is asked to stop says good-bye to its streams, drains within 10 s and exits with 0", async () => {
  const household = await system.newHousehold();
  await using phone = WireDevice.open({
    sync: system.clients.sync,
    token: household.tokens.owner,
    deviceId: "phone",
  });
  await phone.upToDate();
  const startedAt = performance.now();
  const ends = await Promise.all(SERVICE_NAMES.map((name) => system.services[name].stop()));
  expect(ends).toEqual(SERVICE_NAMES.map(() => "exit code 0"));
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(await phone.frame("goAway")).toMatchObject({ reason: GoAwayReason.DRAIN });
  expect((await phone.frame("goAway")).reconnectAfter).toBeDefined();

  // A second start continues with the data, and a device that waited comes back by itself.
  await using device = await connectDevice(system, { deviceId: "patient", token: household.tokens.owner });
  const note = await device.create({ type: "note", body: { name: "Written while all was down" } });
  await Promise.all(SERVICE_NAMES.map((name) => system.services[name].start()));
  device.retryNow();
  await device.settled(within(90_000));
  const { entity } = await system.clients.entities.getEntity({ id: note }, { token: household.tokens.owner });
  expect(entity?.name).toBe("Written while all was down");
}, 150_000);
