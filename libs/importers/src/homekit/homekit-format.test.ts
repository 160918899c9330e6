import type { Client } from "@funkygibbon/client/client";
import { ModelServer } from "@funkygibbon/client/testing/model-server";
import { clientOf } from "@funkygibbon/client/testing/scenario";
import { describe, expect, it } from "vitest";
import { reportOf } from "../import-plan.ts";
import { emptyHome, planFor, projectFile, runImport } from "../testing/run-import.ts";
import { normalHapType } from "./hap-types.ts";
import { homekitFormat } from "./homekit-format.ts";

const dump = projectFile("examples/demo/home/maple-street.json");
const rooms = projectFile("examples/demo/home/maple-street.rooms.json");
const aDump = (text: string) => ({ name: "dump.json", text });
const dumpWith = (from: string, to: string) => aDump(dump.text.replaceAll(from, to));

function run(client: Client, files = [dump, rooms], sourceName?: string) {
  return runImport(client, homekitFormat, files, { sourceName });
}

function ofName(client: Client, name: string) {
  const [device] = client.graph.find({ type: "device", where: (entity) => entity.name === name });
  if (device === undefined) throw new Error(`no device ${name}`);
  return device;
}

function roomOf(client: Client, device: string) {
  return client.graph.neighbours(ofName(client, device).id, { types: ["located_in"] })[0]?.entity.name;
}

describe("the HomeKit importer", () => {
  it("makes a home of rooms, devices, accessories and services", async () => {
    const client = await emptyHome();
    await run(client);
    const counts = ["home", "room", "device", "accessory", "service"] as const;
    expect(counts.map((type) => client.graph.find({ type }).length)).toEqual([1, 6, 14, 14, 36]);
    const [kitchen] = client.graph.find({ type: "room", name: "Kitchen" });
    expect(client.graph.devicesIn(kitchen?.id ?? client.newId()).map(({ name }) => name)).toEqual([
      "Ceiling light",
      "Kettle plug",
    ]);
    const [home] = client.graph.find({ type: "home" });
    expect(home?.name).toBe("Maple Street 12");
    expect(client.graph.neighbours(home?.id ?? client.newId())).toHaveLength(6);
  });

  it("tells what a device is and what it can do", async () => {
    const client = await emptyHome();
    await run(client);
    const { imported, ...body } = ofName(client, "Reading lamp").body;
    expect(body).toEqual({
      name: "Reading lamp",
      manufacturer: "Lumen Works",
      model: "LW-CB09",
      serial_number: "LW09-33418",
      firmware: "1.9.0",
      category: "light",
      capabilities: ["color", "dimming", "on_off"],
    });
    expect(imported).toMatchObject({ source: "homekit test" });
    expect(ofName(client, "Hallway hub").body.category).toBe("bridge");
    expect(ofName(client, "Bedroom button").body.capabilities).toEqual(["battery", "button"]);
    expect(ofName(client, "Thermostat").body.category).toBe("thermostat");
    const parts = client.graph.neighbours(ofName(client, "Desk plug").id, { types: ["part_of"], direction: "in" });
    expect(parts.map(({ entity }) => [entity.type, entity.body.ecosystem, entity.body.aid])).toEqual([
      ["accessory", "homekit", "13"],
    ]);
  });

  it("changes nothing when it runs again, in either form of the file", async () => {
    const client = await emptyHome();
    const { created } = reportOf(await run(client));
    const edits = client.state.pendingEdits;
    const bare = aDump(JSON.stringify(JSON.parse(dump.text).accessories));
    for (const again of [await run(client), await run(client, [bare, rooms])]) {
      expect(reportOf(again)).toEqual({ created: 0, restored: 0, updated: 0, unchanged: created, kept: 0, skipped: 0 });
    }
    expect(client.state.pendingEdits).toBe(edits);
  });

  it("brings up to date what the file says anew, and leaves what a person has edited", async () => {
    const client = await emptyHome();
    await run(client);
    const lamp = ofName(client, "Reading lamp");
    await client.update(lamp.id, { name: "Grandma's lamp", note: "has a loose switch" });
    expect(reportOf(await run(client))).toMatchObject({ created: 0, updated: 0, kept: 1, skipped: 0 });
    await run(client, [dumpWith('"1.9.0"', '"2.0.0"'), rooms]);
    expect(client.graph.entity(lamp.id)?.body).toMatchObject({
      name: "Grandma's lamp",
      note: "has a loose switch",
      firmware: "2.0.0",
    });
    expect(ofName(client, "Ceiling light").body.firmware).toBe("2.0.0");
  });

  it("lets the file win again only when it says something new of the very thing a person has edited", async () => {
    const client = await emptyHome();
    await run(client);
    const lamp = ofName(client, "Reading lamp");
    await client.update(lamp.id, { name: "Grandma's lamp" });
    const plan = await run(client, [dumpWith('"Reading lamp"', '"Floor lamp"'), aRoomsFile("Floor lamp")]);
    const step = plan.steps.find(({ record }) => record.id === lamp.id);
    expect(step?.action).toMatchObject({ kind: "update", keys: ["name"], over: ["name"] });
    expect(client.graph.entity(lamp.id)?.name).toBe("Floor lamp");
  });

  it("leaves deleted what a person has deleted, and moved what they have moved", async () => {
    const server = new ModelServer();
    const client = await clientOf(server, { deviceId: "ada" });
    await run(client);
    client.connect();
    await client.settled();
    await client.remove(ofName(client, "Desk plug").id);
    const [bath] = client.graph.find({ type: "room", name: "Bathroom" });
    const lamp = ofName(client, "Desk lamp");
    const [place] = client.graph.neighbours(lamp.id, { types: ["located_in"] });
    await client.edit((editor) => editor.redirect(place?.relationship.id ?? "", { to: bath?.id ?? "" }));
    const plan = await run(client);
    expect(reportOf(plan)).toMatchObject({ created: 0, updated: 0, kept: 1, skipped: 3 });
    expect(plan.steps.filter(({ action }) => action.kind === "kept").map(({ label }) => label)).toEqual([
      "Desk lamp located_in Study",
    ]);
    expect(client.graph.neighbours(lamp.id, { types: ["located_in"] })[0]?.entity.name).toBe("Bathroom");
    await client[Symbol.asyncDispose]();
  });

  it("puts everything into one room when nobody says where it stands", async () => {
    const client = await emptyHome();
    await run(client, [dump]);
    expect(client.graph.rooms().map(({ name }) => name)).toEqual(["Unassigned"]);
  });

  it("leaves everything where it stands when the rooms are not told again, and moves it when they are told at last", async () => {
    const client = await emptyHome();
    await run(client);
    expect(reportOf(await run(client, [dump]))).toMatchObject({ created: 0, updated: 0, kept: 0, skipped: 0 });
    expect(roomOf(client, "Desk lamp")).toBe("Study");

    const other = await emptyHome();
    await run(other, [dump]);
    expect(roomOf(other, "Desk lamp")).toBe("Unassigned");
    await run(other);
    expect(roomOf(other, "Desk lamp")).toBe("Study");
  });

  it("lets an id go before a name where two are called the same", async () => {
    const client = await emptyHome();
    const lamp = (aid: number) => ({ aid, services: [{ iid: 1, type: "3E", characteristics: [named] }] });
    const named = { iid: 2, type: "23", value: "Lamp" };
    const places = '{"rooms": [{"name": "Study", "accessories": [2]}, {"name": "Hall", "accessories": ["Lamp"]}]}';
    await run(client, [aDump(JSON.stringify([lamp(1), lamp(2)])), { name: "rooms.json", text: places }]);
    const rooms = client.graph.rooms().map(({ id, name }) => [name, client.graph.devicesIn(id).length]);
    expect(rooms).toEqual([
      ["Hall", 1],
      ["Study", 1],
    ]);
  });

  it("keeps two bridges apart that both begin with aid 1, in shared rooms", async () => {
    const client = await emptyHome();
    await run(client);
    await run(client, [dump, rooms], "second");
    expect(client.graph.find({ type: "device" })).toHaveLength(28);
    expect(client.graph.rooms()).toHaveLength(6);
    expect(client.graph.find({ type: "home" })).toHaveLength(1);
  });

  it("says what the file no longer speaks of, and leaves it", async () => {
    const client = await emptyHome();
    await run(client);
    const fewer = JSON.parse(dump.text).accessories.filter(({ aid }: { aid: number }) => aid !== 13);
    const plan = await run(client, [aDump(JSON.stringify(fewer)), aRoomsFile("Reading lamp")]);
    expect(plan.gone.map(({ label }) => label)).toContain("device Desk plug");
    expect(ofName(client, "Desk plug")).toBeDefined();
  });

  it("plans without changing anything", async () => {
    const client = await emptyHome();
    const plan = planFor(client, homekitFormat, [rooms, dump]);
    expect(reportOf(plan).created).toBe(plan.steps.length);
    expect(plan.steps[0]).toMatchObject({ action: { kind: "create" }, label: "home Maple Street 12" });
    expect(client.graph.find()).toEqual([]);
  });

  it("keeps all digits of ids that are 64 bits wide", async () => {
    const client = await emptyHome();
    await run(client, [dumpWith('"aid": 13', '"aid": 18446744073709551615')]);
    const [accessory] = client.graph.find({ type: "accessory", name: "Desk plug" });
    expect(accessory?.body.aid).toBe("18446744073709551615");
  });

  it("takes what vendors put where something else belongs, and leaves out what is no value", async () => {
    const client = await emptyHome();
    const information = [
      '{"iid": 2, "type": "23", "value": "Ku\u0308chenlicht "}',
      '{"iid": 3, "type": "30", "value": 4711}',
      '{"iid": 4, "type": "52", "value": null}',
    ];
    const brightness = '{"iid": 11, "type": "8", "format": "int", "perms": ["pr", "pw"], "value": 1e999}';
    const text = `[{"aid": 1, "services": [
      {"iid": 1, "type": "3E", "characteristics": [${information.join()}]},
      {"iid": 10, "type": "43", "characteristics": [${brightness}]}]}]`;
    const kitchen = '{"rooms": [{"name": "Kitchen ", "accessories": ["K\u00fcchenlicht"]}]}';
    await run(client, [aDump(text), { name: "rooms.json", text: kitchen }]);
    expect(client.graph.rooms().map(({ name }) => name)).toEqual(["Kitchen"]);
    const [lamp] = client.graph.find({ type: "device" });
    expect(lamp?.body).toMatchObject({ serial_number: "4711", capabilities: ["dimming"] });
    const [light] = client.graph.find({ type: "service", name: "Light" });
    expect(light?.body.characteristics).toEqual([{ iid: "11", type: "brightness", format: "int", access: "rw" }]);
  });

  it.each([
    ["[", "line 1, column 2", undefined],
    ["{}", "accessories", undefined],
    ["[]", "dump.json", undefined],
    ['[{"services": []}]', "accessories[0].aid", undefined],
    ['[{"aid": 1}]', "accessories[0].services", undefined],
    ['[{"aid": 1, "services": [{"iid": 1}]}]', "accessories[0].services[0].type", undefined],
    ['[{"aid": 1, "services": [{"iid": -1, "type": "3E"}]}]', "accessories[0].services[0].iid", undefined],
    ['[{"aid": 1, "services": [{"iid": 1, "type": "zz"}]}]', "accessories[0].services[0].type", undefined],
    ['[{"aid": 1, "services": []}, {"aid": 1, "services": []}]', "accessories[1].aid", undefined],
    [
      '[{"aid": 1, "services": [{"iid": 1, "type": "3E", "characteristics": [{"type": "23"}]}]}]',
      "accessories[0].services[0].characteristics[0].iid",
      undefined,
    ],
    [dump.text, "rooms[0].name", '{"rooms": [{"accessories": []}]}'],
    [dump.text, "rooms[0].accessories[0]", '{"rooms": [{"name": "Attic", "accessories": ["Ghost"]}]}'],
    [
      dump.text,
      "rooms[1].accessories[0]",
      '{"rooms": [{"name": "Attic", "accessories": ["Desk lamp"]}, {"name": "Study", "accessories": ["Desk lamp"]}]}',
    ],
  ])("names the path at fault in %.60s and imports nothing", async (text, path, roomsText) => {
    const client = await emptyHome();
    const files = [aDump(text), ...(roomsText === undefined ? [] : [{ name: "rooms.json", text: roomsText }])];
    expect(() => planFor(client, homekitFormat, files)).toThrow(
      expect.objectContaining({
        kind: "invalid",
        reason: "MALFORMED_IMPORT",
        fields: [expect.objectContaining({ field: path })],
      }),
    );
  });

  it("reads short and long types alike", () => {
    const spellings = ["3E", "3e", "0000003E", "0000003E-0000-1000-8000-0026BB765291"];
    expect(spellings.map(normalHapType)).toEqual(["3E", "3E", "3E", "3E"]);
    expect(normalHapType("00001801-0000-1000-8000-00805f9b34fb")).toBe("00001801-0000-1000-8000-00805F9B34FB");
    expect(normalHapType("lamp")).toBeUndefined();
  });
});

function aRoomsFile(accessory: string) {
  const text = JSON.stringify({ home: "Maple Street 12", rooms: [{ name: "Living room", accessories: [accessory] }] });
  return { name: "rooms.json", text };
}
