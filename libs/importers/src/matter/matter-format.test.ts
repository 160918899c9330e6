import type { Client } from "@funkygibbon/client/client";
import { describe, expect, it } from "vitest";
import { reportOf } from "../import-plan.ts";
import { emptyHome, planFor, projectFile, runImport } from "../testing/run-import.ts";
import { matterFormat } from "./matter-format.ts";

const nodes = projectFile("libs/importers/fixtures/matter-nodes.json");
const rooms = projectFile("libs/importers/fixtures/matter-rooms.json");
const dump = (value: unknown) => ({ name: "nodes.json", text: JSON.stringify(value) });

async function imported(): Promise<Client> {
  const client = await emptyHome();
  await runImport(client, matterFormat, [nodes, rooms]);
  return client;
}

function device(client: Client, name: string) {
  const [found] = client.graph.find({ type: "device", name });
  if (found === undefined) throw new Error(`no device ${name}`);
  return found;
}

describe("the Matter importer", () => {
  it("tells what a node is and can do", async () => {
    const client = await imported();
    expect(device(client, "Bedside lamp").body).toMatchObject({
      category: "light",
      manufacturer: "Lumen Works",
      model: "LW-M-Bulb",
      serial_number: "LWM-00481",
      firmware: "1.6.0",
      hardware: "v1.2",
      capabilities: ["color", "color_temperature", "dimming", "on_off"],
    });
    const [accessory] = client.graph.find({ type: "accessory", name: "Bedside lamp" });
    expect(accessory?.body).toMatchObject({ ecosystem: "matter", node_id: "5", unique_id: "a1f0c7d2" });
  });

  it("sees the devices behind a bridge, which depend on it, with their own parts", async () => {
    const client = await imported();
    expect(device(client, "HC-Bridge").body.category).toBe("bridge");
    const gate = device(client, "Garden gate");
    expect(gate.body).toMatchObject({ manufacturer: "Juniper & Oak", capabilities: ["battery", "contact"] });
    const [bridge] = client.graph.neighbours(gate.id, { types: ["depends_on"] });
    expect(bridge?.entity.name).toBe("HC-Bridge");
    const [thermostat] = client.graph.find({ type: "accessory", name: "Hall thermostat" });
    const parts = client.graph.neighbours(thermostat?.id ?? client.newId(), { types: ["part_of"], direction: "in" });
    expect(parts.map(({ entity }) => [entity.body.service_type, entity.body.endpoint])).toEqual([
      ["humidity_sensor", 5],
      ["thermostat", 4],
    ]);
  });

  it.each([
    ["a list", (list: unknown[]) => list],
    ["the answer of get_nodes", (list: unknown[]) => ({ message_id: "1", result: list })],
    [
      "the server's file",
      (list: { node_id: number }[]) => ({ nodes: Object.fromEntries(list.map((n) => [n.node_id, n])) }),
    ],
    ["nested clusters", (list: { attributes: Record<string, unknown> }[]) => list.map(nested)],
  ])("reads %s alike", async (_form, form) => {
    const client = await imported();
    const plan = await runImport(client, matterFormat, [dump(form(JSON.parse(nodes.text))), rooms]);
    expect(reportOf(plan)).toMatchObject({ created: 0, updated: 0, kept: 0, skipped: 0 });
  });

  it("takes a single node", async () => {
    const client = await emptyHome();
    await runImport(client, matterFormat, [dump({ node_id: 1, attributes: { "0/40/3": "Plug" } })]);
    expect(client.graph.find({ type: "device" }).map(({ name, body }) => [name, body.category])).toEqual([
      ["Plug", "other"],
    ]);
  });

  it("leaves out a node that says nothing of itself, and says so, also where a room has it", async () => {
    const client = await emptyHome();
    const list = [
      { node_id: 1, attributes: { "0/40/3": "Plug" } },
      { node_id: 2, available: false, attributes: {} },
    ];
    const kitchen = { name: "rooms.json", text: '{"rooms": [{"name": "Kitchen", "accessories": [1, 2]}]}' };
    const plan = await runImport(client, matterFormat, [dump(list), kitchen]);
    expect(plan.omitted).toEqual([{ label: "node 2", reason: "says nothing of itself: it has no endpoint 0" }]);
    expect(client.graph.find({ type: "device" }).map(({ name }) => name)).toEqual(["Plug"]);
  });

  it.each([
    [{ attributes: {} }, "node_id"],
    [
      [
        { node_id: 1, attributes: {} },
        { node_id: 1, attributes: {} },
      ],
      "nodes[1].node_id",
    ],
    [{ node_id: 1, attributes: { "0/40": "x" } }, 'attributes["0/40"]'],
    [{ node_id: 1, attributes: { "0/40/3": 5 } }, 'attributes["0/40/3"]'],
    [{ node_id: 1, attributes: { "1/29/0": [{ "1": 2 }] } }, 'attributes["1/29/0"][0].deviceType'],
    [{ node_id: 1 }, "endpoints"],
    [{ nodes: 3 }, "nodes"],
  ])("names the path at fault in %j", async (value, path) => {
    const client = await emptyHome();
    expect(() => planFor(client, matterFormat, [dump(value)])).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ field: path })] }),
    );
  });
});

function nested({ attributes, ...node }: { attributes: Record<string, unknown> }) {
  const endpoints: Record<string, { clusters: Record<string, { attributes: Record<string, unknown> }> }> = {};
  for (const [path, value] of Object.entries(attributes)) {
    const [endpoint = "", cluster = "", attribute = ""] = path.split("/");
    endpoints[endpoint] ??= { clusters: {} };
    const { clusters } = endpoints[endpoint];
    clusters[cluster] ??= { attributes: {} };
    clusters[cluster].attributes[`0x${Number(attribute).toString(16)}`] = value;
  }
  return { ...node, endpoints };
}
