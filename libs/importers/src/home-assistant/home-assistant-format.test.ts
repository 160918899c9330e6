import type { Client } from "@funkygibbon/client/client";
import { describe, expect, it } from "vitest";
import { reportOf } from "../import-plan.ts";
import { emptyHome, planFor, projectFile, runImport } from "../testing/run-import.ts";
import { homeAssistantFormat } from "./home-assistant-format.ts";

const NAMES = [
  "core.config",
  "core.area_registry",
  "core.floor_registry",
  "core.device_registry",
  "core.entity_registry",
];
const files = [...NAMES, "automations.json"].map((name) =>
  projectFile(`libs/importers/fixtures/home-assistant/${name}`),
);

async function imported(): Promise<Client> {
  const client = await emptyHome();
  await runImport(client, homeAssistantFormat, files);
  return client;
}

function one(client: Client, type: "device" | "service" | "automation" | "room", name: string) {
  const [found] = client.graph.find({ type, name });
  if (found === undefined) throw new Error(`no ${type} ${name}`);
  return found;
}

/** What an edge of this type leads to, by name. */
function led(
  client: Client,
  from: ReturnType<typeof one>,
  type: "located_in" | "part_of" | "depends_on" | "automates" | "triggered_by",
) {
  return client.graph.neighbours(from.id, { types: [type], direction: "out" }).map(({ entity }) => entity.name);
}

/** A file of `.storage`. */
function storage(key: string, data: object) {
  return { name: key, text: JSON.stringify({ version: 1, minor_version: 99, key, data }) };
}

/** The three registries that have to be there. */
function registries(of: { readonly areas?: object[]; readonly devices?: object[]; readonly entities?: object[] }) {
  const { areas = [], devices = [], entities = [] } = of;
  return [
    storage("core.area_registry", { areas }),
    storage("core.device_registry", { devices, deleted_devices: [] }),
    storage("core.entity_registry", { entities, deleted_entities: [] }),
  ];
}

describe("the Home Assistant importer", () => {
  it("makes zones of floors and rooms of areas, and devices by the names that people gave them", async () => {
    const client = await imported();
    const light = one(client, "device", "Kitchen ceiling");
    expect(light.body).toMatchObject({
      category: "light",
      manufacturer: "Lumen Works",
      model: "LW-DL14",
      firmware: "1.9.0",
      hardware: "2",
      capabilities: ["color", "color_temperature", "dimming", "on_off"],
    });
    expect(led(client, light, "located_in")).toEqual(["Kitchen"]);
    expect(led(client, light, "depends_on")).toEqual(["Coordinator"]);
    expect(led(client, one(client, "room", "Kitchen"), "located_in")).toEqual(["Downstairs"]);
    expect(led(client, one(client, "room", "Garden"), "located_in")).toEqual(["Harbour View 3"]);
    expect(led(client, one(client, "device", "Spare plug"), "located_in")).toEqual(["Unassigned"]);
  });

  it("connects automations with what triggers them and what they act on", async () => {
    const client = await imported();
    const night = one(client, "automation", "Night light");
    expect(led(client, night, "triggered_by")).toEqual(["Bedroom motion"]);
    expect(led(client, night, "automates")).toEqual(["Kitchen", "Kitchen ceiling"]);
    expect(night.body).toMatchObject({ entity_id: "automation.night_light", mode: "restart" });
    expect(led(client, one(client, "automation", "Lock up"), "automates")).toEqual(["Front door"]);
    expect(one(client, "automation", "Good morning").body.entity_id).toBe("automation.good_morning");
  });

  it("says what stays out, and why", async () => {
    const client = await emptyHome();
    expect(planFor(client, homeAssistantFormat, files).omitted).toEqual([
      { label: "sensor.kitchen_ceiling_rssi", reason: "is disabled in Home Assistant" },
      { label: "switch.spare_plug", reason: "is disabled in Home Assistant" },
      { label: "weather.forecast_home", reason: "belongs to a program, Forecast" },
      { label: "sun.sun", reason: "belongs to no device" },
    ]);
  });

  it("takes the other files that core.* finds, and leaves them out", async () => {
    const client = await emptyHome();
    const others = ["core.label_registry", "core.uuid"].map((key) => storage(key, {}));
    const plan = planFor(client, homeAssistantFormat, [...files, ...others]);
    expect(plan.omitted).toContainEqual({ label: "core.label_registry", reason: "is not read" });
    expect(plan.omitted).toContainEqual({ label: "core.uuid", reason: "is not read" });
    expect(plan.steps).toHaveLength(planFor(client, homeAssistantFormat, files).steps.length);
  });

  it("takes numbers that integrations have put where a text belongs", async () => {
    const client = await emptyHome();
    const device = { id: "d", name: "Door", model: 4711, sw_version: 1.25, hw_version: 2, serial_number: 99 };
    const lock = { entity_id: "lock.door", device_id: "d", unique_id: 4711 };
    await runImport(client, homeAssistantFormat, registries({ devices: [device], entities: [lock] }));
    expect(one(client, "device", "Door").body).toMatchObject({
      model: "4711",
      firmware: "1.25",
      hardware: "2",
      serial_number: "99",
    });
    expect(one(client, "service", "lock.door").body).toMatchObject({ unique_id: "4711" });
  });

  it("changes nothing when floors and automations are not told again", async () => {
    const client = await imported();
    const some = files.filter(({ name }) => !/floor|automations|config/.test(name));
    const plan = await runImport(client, homeAssistantFormat, some);
    expect(reportOf(plan)).toMatchObject({ created: 0, updated: 0, kept: 0, skipped: 0 });
    expect(plan.omitted).toContainEqual({ label: "the floor of Kitchen", reason: "is not among the files" });
    expect(led(client, one(client, "room", "Kitchen"), "located_in")).toEqual(["Downstairs"]);
    expect(one(client, "automation", "Night light").body.mode).toBe("restart");
  });

  it("puts everything somewhere, whatever the registries lack, until they tell where", async () => {
    const client = await emptyHome();
    const areas = [{ id: "k", name: "Kitchen", floor_id: "ground" }];
    const devices = [
      { id: "lamp", name: "Lamp", area_id: "k" },
      { id: "fan", name: "Fan", area_id: "was-deleted", via_device_id: "fan" },
    ];
    const plan = await runImport(client, homeAssistantFormat, registries({ areas, devices }));
    expect(plan.omitted.map(({ label }) => label)).toEqual(["the floor of Kitchen", "the area of Fan"]);
    expect(led(client, one(client, "room", "Kitchen"), "located_in")).toEqual(["Home"]);
    expect(led(client, one(client, "device", "Fan"), "located_in")).toEqual(["Unassigned"]);
    expect(led(client, one(client, "device", "Fan"), "depends_on")).toEqual([]);
    const floors = storage("core.floor_registry", { floors: [{ floor_id: "ground", name: "Ground floor" }] });
    await runImport(client, homeAssistantFormat, [...registries({ areas, devices }), floors]);
    expect(led(client, one(client, "room", "Kitchen"), "located_in")).toEqual(["Ground floor"]);
  });

  it("calls the main entity of a device as people see it", async () => {
    const client = await emptyHome();
    const devices = [{ id: "d", name: "Lamp", name_by_user: "Desk lamp" }];
    const of = { device_id: "d", name: null, original_name: null };
    const entities = [
      { ...of, entity_id: "light.lamp", has_entity_name: true },
      { ...of, entity_id: "sensor.lamp_power", has_entity_name: true, original_name: "Power" },
      { ...of, entity_id: "switch.old", has_entity_name: false },
    ];
    await runImport(client, homeAssistantFormat, registries({ devices, entities }));
    expect(client.graph.find({ type: "service" }).map(({ name }) => name)).toEqual([
      "Desk lamp",
      "Power",
      "switch.old",
    ]);
  });

  it("reads automations that people have written by hand, all but those that nothing tells apart", async () => {
    const client = await emptyHome();
    const devices = ["motion", "lamp"].map((id) => ({ id, name: id }));
    const entities = [
      { entity_id: "binary_sensor.hall", device_id: "motion" },
      { entity_id: "light.hall", device_id: "lamp" },
      { entity_id: "automation.hall", unique_id: "7", original_name: "Hall" },
    ];
    const automations = [
      {
        id: 7,
        trigger: { platform: "state", entity_id: "binary_sensor.hall, sun.sun" },
        condition: "{{ is_state('sun.sun', 'below_horizon') }}",
        action: { service: "light.turn_on", entity_id: "light.hall" },
      },
      { alias: "Forgotten", trigger: [] },
      { id: "bp", alias: 5, use_blueprint: { path: "x.yaml", input: {} } },
    ];
    const plan = await runImport(client, homeAssistantFormat, [
      ...registries({ devices, entities }),
      { name: "automations.json", text: JSON.stringify(automations) },
    ]);
    const hall = one(client, "automation", "Hall");
    expect([led(client, hall, "triggered_by"), led(client, hall, "automates")]).toEqual([["motion"], ["lamp"]]);
    expect(one(client, "automation", "5").body).toMatchObject({ triggers: [] });
    expect(plan.omitted).toEqual([{ label: "automation Forgotten", reason: "has no id to be known by next time" }]);
  });

  it("leaves out what is larger or deeper than a record may be, with what it connects, and says so", async () => {
    const client = await emptyHome();
    const devices = [{ id: "lamp", name: "Lamp" }];
    const acting = (id: string, data: unknown) => ({
      id,
      alias: id,
      triggers: [],
      actions: [{ action: "light.turn_on", target: { device_id: "lamp" }, data }],
    });
    const deep = Array.from({ length: 40 }).reduce<unknown>((inner) => ({ inner }), 1);
    const bringIn = (night: unknown) => {
      const automations = [acting("Large", "x".repeat(70_000)), acting("Deep", deep), acting("Night", night)];
      const file = { name: "automations.json", text: JSON.stringify(automations) };
      return runImport(client, homeAssistantFormat, [...registries({ devices }), file]);
    };
    const skipped = (plan: Awaited<ReturnType<typeof bringIn>>) =>
      plan.steps.flatMap(({ label, action }) => (action.kind === "skipped" ? [`${label}: ${action.reason}`] : []));
    const leftOut = [
      "automation Large: is larger than the 64 KiB that a record may have",
      "automation Deep: is nested deeper than a record may be",
      "Large automates Lamp: what it connects is left out",
      "Deep automates Lamp: what it connects is left out",
    ];
    expect(skipped(await bringIn("slowly"))).toEqual(leftOut);
    const night = one(client, "automation", "Night");
    expect(client.graph.find({ type: "automation" })).toEqual([night]);
    expect(led(client, night, "automates")).toEqual(["Lamp"]);
    // What was brought in once stays as it is when it grows too large.
    const grown = await bringIn("x".repeat(70_000));
    expect(skipped(grown)).toEqual([
      ...leftOut.slice(0, 2),
      "automation Night: is larger than the 64 KiB that a record may have",
      ...leftOut.slice(2),
    ]);
    expect(reportOf(grown)).toMatchObject({ created: 0, updated: 0 });
    expect(one(client, "automation", "Night")).toEqual(night);
  });

  it("follows entities to the device that theirs was merged into", async () => {
    const client = await emptyHome();
    const entities = (device: string) => [{ id: "e", entity_id: "light.lamp", device_id: device }];
    const devices = ["old", "new"].map((id) => ({ id, name: id }));
    await runImport(client, homeAssistantFormat, registries({ devices, entities: entities("old") }));
    const merged = registries({ devices: devices.slice(1), entities: entities("new") });
    const plan = await runImport(client, homeAssistantFormat, merged);
    expect(plan.gone.map(({ label }) => label)).toEqual(["device old"]);
    expect(led(client, one(client, "service", "light.lamp"), "part_of")).toEqual(["new"]);
  });

  it("names what an automation no longer does, unless nobody tells this time what it does", async () => {
    const client = await emptyHome();
    const devices = ["lamp", "fan"].map((id) => ({ id, name: id }));
    const entities = [{ entity_id: "automation.night", unique_id: "7", original_name: "Night" }];
    const acting = (device: string) => {
      const night = { id: "7", alias: "Night", triggers: [], actions: [{ device_id: device }] };
      return { name: "automations.json", text: JSON.stringify([night]) };
    };
    await runImport(client, homeAssistantFormat, [...registries({ devices, entities }), acting("lamp")]);
    const plan = await runImport(client, homeAssistantFormat, [...registries({ devices, entities }), acting("fan")]);
    expect(plan.gone.map(({ label }) => label)).toEqual(["Night automates lamp"]);
    expect(planFor(client, homeAssistantFormat, registries({ devices, entities })).gone).toEqual([]);
  });

  it("follows an area that is renamed and a device that is moved", async () => {
    const client = await imported();
    const renamed = files.map(({ name, text }) => ({
      name,
      text: text
        .replace('"name": "Kitchen"', '"name": "Cookery"')
        .replace('"area_id": "bedroom"', '"area_id": "garden"'),
    }));
    const plan = await runImport(client, homeAssistantFormat, renamed);
    expect(reportOf(plan)).toMatchObject({ created: 0, updated: 2, kept: 0 });
    expect(led(client, one(client, "device", "Kitchen ceiling"), "located_in")).toEqual(["Cookery"]);
    expect(led(client, one(client, "device", "Bedroom motion"), "located_in")).toEqual(["Garden"]);
  });

  it.each([
    ['{"data": {}}', "key"],
    ['{"key": "lovelace", "data": {}}', "key"],
    ['{"key": "core.area_registry", "data": {}}', "data.areas"],
    ['{"key": "core.area_registry", "data": {"areas": [{"id": "a"}]}}', "data.areas[0].name"],
    [
      '{"key": "core.area_registry", "data": {"areas": [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]}}',
      "data.areas[1]",
    ],
    ['{"key": "core.entity_registry", "data": {"entities": [{"entity_id": "lamp"}]}}', "data.entities[0].entity_id"],
    ['[{"id": "1", "alias": "Lights"}]', "automations[0].triggers"],
    ['[{"id": true, "triggers": []}]', "automations[0].id"],
    ['[{"id": "1", "triggers": []}, {"id": 1, "triggers": []}]', "automations[1].id"],
  ])("names the path at fault in %s", async (text, path) => {
    const client = await emptyHome();
    const others = files.filter((file) => /area|device|entity/.test(file.name) && !text.includes(file.name));
    expect(() => planFor(client, homeAssistantFormat, [{ name: "core.x", text }, ...others])).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ field: path })], details: { file: "core.x" } }),
    );
  });

  it("refuses two files of one kind, and registries without each other", async () => {
    const client = await emptyHome();
    const [config, areas] = files;
    if (config === undefined || areas === undefined) throw new Error("no fixtures");
    expect(() => planFor(client, homeAssistantFormat, [areas, areas])).toThrow("is a second file with areas");
    expect(() => planFor(client, homeAssistantFormat, [config, areas])).toThrow(
      "files: lack core.device_registry and core.entity_registry",
    );
  });
});

it("is not led astray by names that JavaScript knows", async () => {
  const client = await emptyHome();
  const entity = { device_id: "d", capabilities: { supported_color_modes: ["constructor"] } };
  const entities = ["constructor.x", "valueof.y", "light.z"].map((entity_id) => ({ ...entity, entity_id }));
  const odd = registries({ devices: [{ id: "d", name: "Odd" }], entities });
  await runImport(client, homeAssistantFormat, odd);
  expect(one(client, "device", "Odd").body).toMatchObject({ category: "light", capabilities: ["on_off"] });
});
