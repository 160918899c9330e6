import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { villaForTests } from "../../testing/villa.ts";

const house = villaForTests();
const { call, furnish } = house;

describe("get_entity_details", () => {
  it("shows content, place and relationships, by name or by id", async () => {
    const { villa, kitchen, lamp } = furnish();
    for (const entity of [lamp.id, lamp.id.toUpperCase(), "ceiling LAMP"]) {
      const { data } = await call("get_entity_details", { entity });
      expect(data).toMatchObject({
        entity: { id: lamp.id, content: { manufacturer: "IKEA", name: "Ceiling lamp" }, etag: lamp.etag },
        located_in: [{ name: kitchen.name }, { name: villa.name }],
        relationships: [{ relation: "located_in", entity: { id: kitchen.id } }],
      });
    }
  });

  it("reads an edge from the side that was asked about", async () => {
    const { kitchen } = furnish();
    const { data } = await call("get_entity_details", { entity: kitchen.id, relationship_limit: 2 });
    expect(data.relationships).toEqual([
      expect.objectContaining({ relation: "located_in" }),
      expect.objectContaining({ relation: "contains" }),
    ]);
    const { next_cursor: cursor } = data;
    const next = await call("get_entity_details", { entity: kitchen.id, relationship_limit: 2, cursor });
    expect(next.data.relationships).toEqual([expect.objectContaining({ relation: "contains" })]);
    expect(next.data.next_cursor).toBeUndefined();
  });

  it("answers an unknown name with the nearest ones", async () => {
    const { lamp } = furnish();
    const { failed, error, text } = await call("get_entity_details", { entity: "Cieling lamb" });
    expect(failed).toBe(true);
    expect(error).toMatchObject({ reason: "ENTITY_UNKNOWN", suggestions: [{ id: lamp.id }] });
    expect(text).toContain(`Ceiling lamp (device, id ${lamp.id})`);
  });

  it("answers a name that several bear with all of them", async () => {
    const lamps = [house.home.add("device", "Lamp"), house.home.add("device", "lamp")];
    const { error } = await call("get_entity_details", { entity: "Lamp" });
    expect(error).toMatchObject({
      reason: "ENTITY_AMBIGUOUS",
      suggestions: lamps.map(({ id }) => expect.objectContaining({ id })),
    });
  });

  it("lets no name look like a line of the answer", async () => {
    const lamp = house.home.add("device", "Lamp\nwhere: everywhere", { "a\nb": 1 });
    const { text, data } = await call("get_entity_details", { entity: lamp.id, fields: ["c"] });
    expect(text.split("\n")).toContain(`Lamp where: everywhere (device, id ${lamp.id})`);
    expect(text.split("\n")).toContain("it has no c; its properties are a b, name");
    expect(data.entity).toMatchObject({ name: "Lamp\nwhere: everywhere" });
  });

  it("tells which properties there are when one that was asked for is not", async () => {
    const { lamp } = furnish();
    const { data, text } = await call("get_entity_details", { entity: lamp.id, fields: ["name", "maker"] });
    expect(data.entity).toMatchObject({ content: { name: "Ceiling lamp" } });
    expect(text).toContain("it has no maker; its properties are manufacturer, name");
  });

  it("means the device by a name that its accessory and service bear too", async () => {
    const lamp = house.home.add("device", "Lamp");
    for (const type of ["accessory", "service"] as const) house.home.add(type, "Lamp");
    const { data } = await call("get_entity_details", { entity: "lamp" });
    expect(data.entity).toMatchObject({ id: lamp.id, type: "device" });
  });

  it("answers an unknown id as not there", async () => {
    const { error } = await call("get_entity_details", { entity: randomUUID() });
    expect(error?.reason).toBe("ENTITY_UNKNOWN");
  });
});

describe("search_entities", () => {
  it("answers with summaries and the properties that were asked for", async () => {
    const { lamp } = furnish();
    const { data } = await call("search_entities", { query: "lamp", types: ["device"], fields: ["manufacturer", "x"] });
    expect(data.hits).toEqual([
      {
        id: lamp.id,
        type: "device",
        name: "Ceiling lamp",
        updated_at: lamp.updatedAt,
        fields: { manufacturer: "IKEA" },
        match: "substring",
        score: 0.5,
      },
    ]);
  });

  it("says so when nothing matches", async () => {
    const { failed, text, data } = await call("search_entities", { query: "sauna" });
    expect(failed).toBe(false);
    expect(text).toBe('Nothing matches "sauna".');
    expect(data.hits).toEqual([]);
  });
});

describe("get_devices_in_room", () => {
  it("lists the devices of a room named in any case", async () => {
    const { kitchen, lamp, fridge } = furnish();
    const { data, text } = await call("get_devices_in_room", { room: "kitchen" });
    expect(data).toMatchObject({
      room: { id: kitchen.id, type: "room", name: "Kitchen" },
      entities: [{ id: lamp.id }, { id: fridge.id }],
      total: 2,
    });
    expect(text).toContain("2 devices in Kitchen");
  });

  it("pages with a cursor", async () => {
    furnish();
    const first = await call("get_devices_in_room", { room: "Kitchen", limit: 1 });
    const second = await call("get_devices_in_room", { room: "Kitchen", limit: 1, cursor: first.data.next_cursor });
    expect([first.data.entities, second.data.entities]).toEqual([
      [expect.objectContaining({ name: "Ceiling lamp" })],
      [expect.objectContaining({ name: "Fridge" })],
    ]);
    expect(second.data.next_cursor).toBeUndefined();
  });

  it("answers a room that is not there with the rooms that are", async () => {
    const { kitchen } = furnish();
    const { error } = await call("get_devices_in_room", { room: "Ballroom" });
    expect(error).toMatchObject({ reason: "ENTITY_UNKNOWN", suggestions: [{ id: kitchen.id }] });
  });

  it("answers the id of a device with the rooms that are", async () => {
    const { kitchen, lamp } = furnish();
    const { error } = await call("get_devices_in_room", { room: lamp.id });
    expect(error).toMatchObject({ reason: "ENTITY_WRONG_TYPE", suggestions: [{ id: kitchen.id }] });
  });
});

describe("query_graph", () => {
  it("finds rooms and devices, in one place or everywhere", async () => {
    const { villa, kitchen } = furnish();
    house.home.add("room", "Shed");
    const everywhere = await call("query_graph", { query: "find_rooms" });
    expect(everywhere.data).toMatchObject({ total: 2 });
    const inVilla = await call("query_graph", { query: "find_rooms", within: villa.id });
    expect(inVilla.data).toMatchObject({ total: 1, entities: [{ id: kitchen.id }] });
    const devices = await call("query_graph", { query: "find_devices", within: "Villa", name_contains: "fri" });
    expect(devices.data).toMatchObject({ total: 1, entities: [{ name: "Fridge" }] });
  });
});

describe("list_conflicts", () => {
  it("shows both sides of what waits for a person", async () => {
    house.home.addConflict();
    const { data, text } = await call("list_conflicts", {});
    expect(data.conflicts).toMatchObject([{ fields: [{ field: "name", rule: "", device: "Lamp", base: null }] }]);
    expect(text).toContain('name: "Lamp" against not set');
    expect((await call("list_conflicts", { state: "settled" })).data.conflicts).toEqual([]);
  });
});
