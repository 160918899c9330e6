import { readFileSync } from "node:fs";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { describe, expect, it } from "vitest";
import type { Client } from "../client.ts";
import { nodeSha1 } from "../node-hashes.ts";
import { ModelServer } from "../testing/model-server.ts";
import { clientOf } from "../testing/scenario.ts";
import { normalHapType } from "./hap-types.ts";
import { planHomeKitImport } from "./homekit.ts";
import { applyImport, type ImportReport, reportOf } from "./import-plan.ts";

const HOME = new URL("../../../../examples/demo/home/", import.meta.url);
const dump = readFileSync(new URL("maple-street.json", HOME), "utf8");
const rooms = readFileSync(new URL("maple-street.rooms.json", HOME), "utf8");
const household = "h1" as HouseholdId;

function options(changes: { dump?: string; rooms?: string | undefined; sourceName?: string } = {}) {
  return { dump, rooms, sourceName: "maple-street", household, sha1: nodeSha1, ...changes };
}

function emptyHome(): Promise<Client> {
  return clientOf(new ModelServer(), { deviceId: "ada" });
}

async function run(client: Client, changes: Parameters<typeof options>[0] = {}): Promise<ImportReport> {
  const plan = planHomeKitImport(client.graph, options(changes));
  await client.edit((editor) => applyImport(editor, plan));
  return reportOf(plan);
}

function ofName(client: Client, name: string) {
  const [device] = client.graph.find({ type: "device", where: (entity) => entity.name === name });
  if (device === undefined) throw new Error(`no device ${name}`);
  return device;
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
    expect(ofName(client, "Reading lamp").body).toEqual({
      name: "Reading lamp",
      manufacturer: "Lumen Works",
      model: "LW-CB09",
      serial_number: "LW09-33418",
      firmware: "1.9.0",
      category: "light",
      capabilities: ["color", "dimming", "on_off"],
    });
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
    const first = await run(client);
    const edits = client.state.pendingEdits;
    const bare = JSON.stringify(JSON.parse(dump).accessories);
    for (const again of [await run(client), await run(client, { dump: bare })]) {
      expect(again).toEqual({ create: 0, update: 0, unchanged: first.create, kept: 0, skipped: 0 });
    }
    expect(client.state.pendingEdits).toBe(edits);
  });

  it("brings up to date what the file says anew, and leaves what a person has edited", async () => {
    const client = await emptyHome();
    await run(client);
    const lamp = ofName(client, "Reading lamp");
    await client.update(lamp.id, { name: "Grandma's lamp" });
    const newer = dump.replaceAll('"1.9.0"', '"2.0.0"');
    const report = await run(client, { dump: newer });
    expect(report).toMatchObject({ create: 0, kept: 1, skipped: 0 });
    expect(client.graph.entity(lamp.id)?.body).toMatchObject({ name: "Grandma's lamp", firmware: "1.9.0" });
    expect(ofName(client, "Ceiling light").body.firmware).toBe("2.0.0");
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
    const report = await run(client);
    expect(report).toMatchObject({ create: 0, update: 0, kept: 1, skipped: 3 });
    expect(client.graph.neighbours(lamp.id, { types: ["located_in"] })[0]?.entity.name).toBe("Bathroom");
    await client[Symbol.asyncDispose]();
  });

  it("puts everything into one room when nobody says where it stands", async () => {
    const client = await emptyHome();
    await run(client, { rooms: undefined });
    expect(client.graph.rooms().map(({ name }) => name)).toEqual(["Unassigned"]);
  });

  it("keeps two bridges apart that both begin with aid 1, in shared rooms", async () => {
    const client = await emptyHome();
    await run(client);
    await run(client, { sourceName: "second" });
    expect(client.graph.find({ type: "device" })).toHaveLength(28);
    expect(client.graph.rooms()).toHaveLength(6);
    expect(client.graph.find({ type: "home" })).toHaveLength(1);
  });

  it("plans without changing anything", async () => {
    const client = await emptyHome();
    const plan = planHomeKitImport(client.graph, options());
    expect(reportOf(plan).create).toBe(plan.steps.length);
    expect(plan.steps[0]).toMatchObject({ action: "create", label: "home Maple Street 12" });
    expect(client.graph.find()).toEqual([]);
  });

  it("keeps all digits of ids that are 64 bits wide", async () => {
    const client = await emptyHome();
    await run(client, { dump: dump.replace('"aid": 13', '"aid": 18446744073709551615') });
    const [accessory] = client.graph.find({ type: "accessory", name: "Desk plug" });
    expect(accessory?.body.aid).toBe("18446744073709551615");
  });

  it.each([
    ["[", "the file", undefined],
    ["{}", "accessories", undefined],
    ["[]", "accessories", undefined],
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
    [dump, "rooms[0].name", '{"rooms": [{"accessories": []}]}'],
    [dump, "rooms[0].accessories[0]", '{"rooms": [{"name": "Attic", "accessories": ["Ghost"]}]}'],
  ])("names the path at fault in %.60s and imports nothing", async (text, path, roomsText) => {
    const client = await emptyHome();
    const broken = options({ dump: text, rooms: roomsText });
    expect(() => planHomeKitImport(client.graph, broken)).toThrow(
      expect.objectContaining({ kind: "invalid", fields: [expect.objectContaining({ field: path })] }),
    );
  });

  it("reads short and long types alike", () => {
    const spellings = ["3E", "3e", "0000003E", "0000003E-0000-1000-8000-0026BB765291"];
    expect(spellings.map(normalHapType)).toEqual(["3E", "3E", "3E", "3E"]);
    expect(normalHapType("00001801-0000-1000-8000-00805f9b34fb")).toBe("00001801-0000-1000-8000-00805F9B34FB");
    expect(normalHapType("lamp")).toBeUndefined();
  });
});
