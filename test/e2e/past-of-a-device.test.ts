import type { Client } from "@funkygibbon/client/client";
import { openNodeClient } from "@funkygibbon/client/node-client";
import { beforeAll, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import { within } from "../support/node-device.ts";

let system: Constellation;
beforeAll(async () => {
  system = await constellation();
  return () => system[Symbol.asyncDispose]();
});

/** A connected device that may ask for the past. */
async function openDevice(token: string): Promise<Client> {
  const { syncCoordinator: url, entityStore: graphUrl } = system.urls;
  const client = await openNodeClient({ url, graphUrl, token: () => token });
  client.connect();
  return client;
}

describe("the past, asked by a device,", () => {
  it("is the graph as it was then, whatever has become of it", async () => {
    const { tokens } = await system.newHousehold();
    await using client = await openDevice(tokens.owner);
    const hall = await client.create({ type: "room", body: { name: "Hall" } });
    const lamp = await client.create({ type: "device", body: { name: "Lamp", on: true } });
    await client.relate({ type: "located_in", from: lamp, to: hall });
    await client.settled(within());
    const { entity } = await system.clients.entities.getEntity({ id: lamp }, { token: tokens.owner });
    const then = new Date(Number(entity?.updateTime?.seconds ?? 0n) * 1_000 + 999);
    await expect.poll(() => Date.now()).toBeGreaterThan(then.getTime());
    await client.update(lamp, { on: false });
    await client.remove(hall);
    await client.settled(within());

    const past = client.asOf(then);
    expect(await past.entity(lamp)).toMatchObject({ id: lamp, type: "device", name: "Lamp", body: { on: true } });
    expect((await past.find({ type: "room" })).map(({ name }) => name)).toEqual(["Hall"]);
    expect((await past.find({ room: hall })).map(({ name }) => name)).toEqual(["Lamp"]);
    expect(await past.neighbours(hall)).toMatchObject([{ entity: { id: lamp }, inverse: true }]);
    expect(await past.path(lamp, hall)).toMatchObject([{ entity: { id: hall }, relationship: { type: "located_in" } }]);
    expect(await past.path(lamp, client.newId())).toBeUndefined();
    expect(await past.path(lamp, hall, { maxDepth: 0 })).toBeUndefined();
    expect(client.graph.neighbours(lamp)).toEqual([]);
  });

  it("is empty before there was anything", async () => {
    const { tokens } = await system.newHousehold();
    await using client = await openDevice(tokens.owner);
    const [hall, lamp] = [client.newId(), client.newId()];
    const edge = await client.edit((editor) => {
      editor.create({ id: hall, type: "room", body: { name: "Hall" } });
      editor.create({ id: lamp, type: "device", body: { name: "Lamp" } });
      return editor.relate({ type: "located_in", from: lamp, to: hall });
    });
    await client.settled(within());
    for (const at of [new Date(0), new Date("2020-01-01")]) {
      const past = client.asOf(at);
      expect(await past.entity(lamp)).toBeUndefined();
      expect(await past.relationship(edge)).toBeUndefined();
      expect(await past.find()).toEqual([]);
      expect(await past.find({ room: hall })).toEqual([]);
      expect(await past.neighbours(hall)).toEqual([]);
      expect(await past.path(lamp, hall)).toBeUndefined();
    }
  });

  it("cannot be had without the server, and is said to be", async () => {
    const { tokens } = await system.newHousehold();
    const options = { url: system.urls.syncCoordinator, token: () => tokens.owner };
    await using nowhere = await openNodeClient({ ...options, graphUrl: "http://127.0.0.1:1" });
    await expect(nowhere.asOf(new Date()).find()).rejects.toMatchObject({ reason: "OFFLINE" });
    await using without = await openNodeClient(options);
    expect(() => without.asOf(new Date())).toThrow("without a graphUrl");
  });
});
