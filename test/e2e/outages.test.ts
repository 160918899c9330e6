import { EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { beforeAll, expect, it } from "vitest";
import type { LocalServer } from "../../deploy/local/server.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import { connectDevice, untilEqual, within } from "../support/node-device.ts";
import { kill, type OwnServers, ownServers } from "../support/own-servers.ts";

let servers: OwnServers;
let redis: LocalServer;
let nats: LocalServer;
let system: Constellation;

beforeAll(async () => {
  const opened = new AsyncDisposableStack();
  servers = opened.use(ownServers());
  [redis, nats] = await Promise.all([servers.startRedis(), servers.startNats()]);
  system = opened.use(await constellation({ redisUrl: redis.url, natsUrl: nats.url }));
  return () => opened.disposeAsync();
});

it("Redis dies and comes back empty: every edit arrives, merges are right, only latency suffers (I8)", async () => {
  const household = await system.newHousehold();
  const token = household.tokens.owner;
  await using phone = await connectDevice(system, { deviceId: "phone", token });
  await using panel = await connectDevice(system, { deviceId: "panel", token });
  const lamp = await phone.create({ type: "device", body: { name: "Lamp", colour: "white" } });
  await untilEqual(phone, panel);

  await kill(redis);
  await Promise.all([phone.update(lamp, { colour: "red" }), panel.update(lamp, { name: "Desk lamp" })]);
  await untilEqual(phone, panel);
  expect(panel.get(lamp)).toMatchObject({ body: { name: "Desk lamp", colour: "red" } });
  // A device that arrives during the outage is let in as well.
  await using late = await connectDevice(system, { deviceId: "late", token });
  await untilEqual(phone, panel, late);

  redis = await servers.startRedis(redis.port);
  await phone.update(lamp, { colour: "blue" });
  await untilEqual(phone, panel, late);
  expect(late.get(lamp)).toMatchObject({ body: { name: "Desk lamp", colour: "blue" } });
  for (const device of [panel, late]) expect(device.digest).toBe(phone.digest);
  expect(phone.conflicts).toEqual([]);
});

it("NATS dies and comes back: pushes are answered, and edits by any door reach the devices (I8)", async () => {
  const household = await system.newHousehold();
  const token = household.tokens.owner;
  await using phone = await connectDevice(system, { deviceId: "phone", token });
  await using panel = await connectDevice(system, { deviceId: "panel", token });
  await untilEqual(phone, panel);

  await kill(nats);
  const lamp = await phone.create({ type: "device", body: { name: "Lamp" } });
  await phone.settled(within());
  await expect.poll(() => panel.get(lamp), { timeout: 15_000 }).toBeDefined();

  nats = await servers.startNats(nats.port);
  const { entity } = await system.clients.entities.createEntity(
    { type: EntityType.NOTE, bodyJson: '{"name":"By the API"}' },
    { token },
  );
  await expect.poll(() => panel.get(entity?.id ?? ""), { timeout: 15_000 }).toBeDefined();
  await untilEqual(phone, panel);
  expect(panel.digest).toBe(phone.digest);
});
