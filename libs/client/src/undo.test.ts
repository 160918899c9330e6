import { DomainError } from "@funkygibbon/kernel/errors";
import { beforeEach, describe, expect, it } from "vitest";
import type { Client } from "./client.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientOf, room, within } from "./testing/scenario.ts";

let server: ModelServer;
let ada: Client;
beforeEach(async () => {
  server = new ModelServer();
  ada = await clientOf(server, { deviceId: "ada" });
  return () => ada[Symbol.asyncDispose]();
});

const lamp = { type: "device" as const, body: { name: "Lamp", on: false } };

async function synced(client: Client): Promise<void> {
  client.connect();
  await client.settled(within());
  await client.until(({ upToDateSeq }) => upToDateSeq === server.headSeq, within());
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    if (error instanceof DomainError) return error.reason;
    throw error;
  }
}

describe.each([
  ["never sent", async () => {}],
  ["answered by the server", () => synced(ada)],
])("undoing an edit that was %s", (_, between) => {
  it("takes a whole transaction back, and then the one before", async () => {
    const id = await ada.create(lamp);
    await between();
    const room = await ada.edit((editor) => {
      editor.update(id, { on: true, scene: "Dinner" });
      const made = editor.create({ type: "room", body: { name: "Hall" } });
      editor.relate({ type: "located_in", from: id, to: made });
      return made;
    });
    await between();
    expect(await ada.undo()).toBe(true);
    expect(ada.get(id)).toMatchObject({ body: lamp.body });
    expect(ada.get(room)).toBeUndefined();
    expect(ada.graph.neighbours(id)).toEqual([]);
    expect(await ada.undo()).toBe(true);
    expect(ada.get(id)).toBeUndefined();
    expect(await ada.undo()).toBe(false);
    await synced(ada);
    expect(ada.digest).toBe(server.digest);
    expect(ada.graph.find()).toEqual([]);
  });

  it("brings back what was deleted, and puts an edge where it led", async () => {
    const [id, hall, attic] = [await ada.create(lamp), await ada.create(lamp), await ada.create(lamp)];
    const edge = await ada.relate({ type: "controls", from: id, to: hall, properties: { via: "radio" } });
    await between();
    await ada.edit((editor) => {
      editor.redirect(edge, { to: attic });
      editor.remove(hall);
    });
    await between();
    expect(await ada.undo()).toBe(true);
    expect(ada.get(hall)).toMatchObject({ body: lamp.body });
    expect(ada.get(edge)).toMatchObject({ to: hall, properties: { via: "radio" } });
  });

  it("leaves an edge away whose end somebody has deleted since", async () => {
    const [id, hall] = [await ada.create(lamp), await ada.create(lamp)];
    const edge = await ada.relate({ type: "controls", from: id, to: hall });
    await between();
    await ada.edit((editor) => {
      editor.remove(edge);
      editor.update(id, { on: true });
    });
    await between();
    const ben = await clientOf(server, { deviceId: "ben" });
    await synced(ada);
    await synced(ben);
    await ben.remove(hall);
    await ben.settled(within());
    await ada.until(() => ada.get(hall) === undefined, within());
    expect(await ada.undo()).toBe(true);
    expect(ada.get(id)).toMatchObject({ body: { on: false } });
    expect(ada.get(edge)).toBeUndefined();
    await ben[Symbol.asyncDispose]();
  });

  it("leaves what was edited since", async () => {
    const id = await ada.create(lamp);
    await between();
    await ada.update(id, { on: true, scene: "Dinner" });
    await between();
    const ben = await clientOf(server, { deviceId: "ben" });
    await synced(ada);
    await synced(ben);
    await ben.update(id, { scene: "Party", volume: 11 });
    await ben.settled(within());
    await ada.until(() => ada.graph.find({ text: "party" }).length === 1, within());
    expect(await ada.undo()).toBe(true);
    expect(ada.get(id)).toMatchObject({ body: { on: false, scene: "Party", volume: 11 } });
    await ben[Symbol.asyncDispose]();
  });
});

describe("undoing a creation upon which others have built", () => {
  it("leaves what they have led an edge to, and takes the rest back", async () => {
    const shelf = await ada.create({ type: "room", body: { name: "Shelf" } });
    const attic = await ada.edit((editor) => {
      const made = editor.create({ type: "room", body: { name: "Attic" } });
      const own = editor.create(lamp);
      editor.relate({ type: "located_in", from: own, to: made });
      return made;
    });
    await synced(ada);
    const ben = await clientOf(server, { deviceId: "ben" });
    await synced(ben);
    const plug = await ben.create({ type: "device", body: { name: "Plug" } });
    const edge = await ben.relate({ type: "located_in", from: plug, to: attic });
    await ben.settled(within());
    await ada.until(() => ada.get(edge) !== undefined, within());
    expect(await ada.undo()).toBe(true);
    expect(ada.graph.find().map(({ name }) => name)).toEqual(["Attic", "Plug", "Shelf"]);
    expect(ada.graph.devicesIn(attic).map(({ name }) => name)).toEqual(["Plug"]);
    expect(await ada.undo()).toBe(true);
    expect(ada.get(shelf)).toBeUndefined();
    await ben[Symbol.asyncDispose]();
  });

  it("takes a restoration back with the edges that came back by it", async () => {
    const attic = await ada.create({ type: "room", body: { name: "Attic" } });
    const own = await ada.create(lamp);
    await ada.relate({ type: "located_in", from: own, to: attic });
    await synced(ada);
    await ada.remove(attic);
    await ada.settled(within());
    await ada.restore(attic);
    expect(ada.graph.devicesIn(attic)).toHaveLength(1);
    expect(await ada.undo()).toBe(true);
    expect(ada.get(attic)).toBeUndefined();
  });

  it("takes back also what was led to something that is gone", async () => {
    const attic = await ada.create({ type: "room", body: { name: "Attic" } });
    await synced(ada);
    const ben = await clientOf(server, { deviceId: "ben" });
    await synced(ben);
    const plug = await ben.create({ type: "device", body: { name: "Plug" } });
    await ben.relate({ type: "located_in", from: plug, to: attic });
    await ben.remove(plug);
    await ben.settled(within());
    await ada.until(({ upToDateSeq }) => upToDateSeq === server.headSeq, within());
    expect(await ada.undo()).toBe(true);
    expect(ada.get(attic)).toBeUndefined();
    await ben[Symbol.asyncDispose]();
  });
});

describe("restoring", () => {
  it("brings back as this device saw it what another device has deleted", async () => {
    const ben = await clientOf(server, { deviceId: "ben" });
    const id = await ada.create(lamp);
    await synced(ada);
    await synced(ben);
    await ben.remove(id);
    await ben.settled(within());
    await ada.until(() => ada.get(id) === undefined, within());
    await ada.restore(id);
    expect(ada.get(id)).toMatchObject({ body: lamp.body });
    await ada.settled(within());
    await ben.until(() => ben.get(id) !== undefined, within());
    expect(ben.get(id)).toMatchObject({ body: lamp.body });
    await ben[Symbol.asyncDispose]();
  });

  it("brings back with another body and other ends", async () => {
    const [hall, attic] = [await ada.create(room("Hall")), await ada.create(room("Attic"))];
    const id = await ada.create(lamp);
    const edge = await ada.relate({ type: "located_in", from: id, to: hall, properties: { side: "left" } });
    await synced(ada);
    await ada.edit((editor) => {
      editor.remove(edge);
      editor.remove(id);
    });
    await ada.settled(within());
    await ada.edit((editor) => {
      editor.restore(id, { body: { name: "Ours" } });
      editor.restore(edge, { body: { side: "right" }, ends: { from: id, to: attic } });
    });
    const back = { entity: { id: attic }, relationship: { id: edge, to: attic, properties: { side: "right" } } };
    expect(ada.get(id)).toMatchObject({ body: { name: "Ours" } });
    expect(ada.graph.neighbours(id)).toMatchObject([back]);
    await ada.settled(within());
    expect(ada.graph.neighbours(id)).toMatchObject([back]);
    expect(ada.deadLetters()).toEqual([]);
    const odd = ada.edit((editor) => {
      editor.remove(edge);
      editor.restore(edge, { body: { side: "right" }, ends: { from: hall, to: id } });
    });
    expect(await reasonOf(odd)).toBe("FORBIDDEN_EDGE");
    expect(ada.graph.neighbours(id)).toMatchObject([back]);
  });

  it("says why it cannot", async () => {
    const id = await ada.create(lamp);
    expect(await reasonOf(ada.restore(id))).toBe("NOT_DELETED");
    expect(await reasonOf(ada.restore(ada.newId()))).toBe("NOT_FOUND");
  });
});

describe("a query that is watched", () => {
  it("is answered at once, and again only when the answer differs", async () => {
    const answers: string[][] = [];
    const stop = ada.watch(
      (graph) => graph.find({ type: "room" }),
      (rooms) => answers.push(rooms.map(({ name }) => name)),
    );
    const id = await ada.create({ type: "room", body: { name: "Attic" } });
    await ada.create(lamp);
    await ada.update(id, { name: "Loft" });
    stop();
    await ada.remove(id);
    expect(answers).toEqual([[], ["Attic"], ["Loft"]]);
  });

  it("is told of each change also when its answer is no plain object", async () => {
    const answers: string[][] = [];
    ada.watch(
      (graph) => new Set(graph.rooms().map(({ name }) => name)),
      (rooms) => answers.push([...rooms]),
    );
    const id = await ada.create({ type: "room", body: { name: "Attic" } });
    await ada.update(id, { name: "Loft" });
    expect(answers).toEqual([[], ["Attic"], ["Loft"]]);
  });
});
