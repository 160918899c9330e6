import { randomUUID } from "node:crypto";
import { DomainError, invalid, unavailable } from "@funkygibbon/kernel/errors";
import type { Client } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type EndpointUnderTest, startEndpoint } from "../../testing/endpoint-under-test.ts";
import type { FakeHome } from "../../testing/fake-home.ts";

let endpoint: EndpointUnderTest;
let client: Client;
let home: FakeHome;

beforeAll(async () => {
  endpoint = await startEndpoint();
  home = endpoint.home;
  client = await endpoint.connect("member");
  // The client checks structured content against the output schemas that it has seen listed.
  await client.listTools();
});
afterAll(() => endpoint[Symbol.asyncDispose]());
beforeEach(() => home.clear());

async function call(name: string, args: Record<string, unknown>) {
  const result = await client.callTool({ name, arguments: args });
  const [content] = result.content;
  return {
    failed: result.isError === true,
    text: content?.type === "text" ? content.text : "",
    data: result.structuredContent as Record<string, unknown>,
    error: result._meta?.["funkygibbon.dev/error"] as Record<string, unknown> | undefined,
  };
}

function furnish() {
  const villa = home.add("home", "Villa");
  const kitchen = home.add("room", "Kitchen");
  const lamp = home.add("device", "Ceiling lamp", { manufacturer: "IKEA" });
  const fridge = home.add("device", "Fridge");
  home.place(kitchen, villa);
  home.place(lamp, kitchen);
  home.place(fridge, kitchen);
  return { villa, kitchen, lamp, fridge };
}

describe("create_entity", () => {
  it("stores the entity with its name and says its id", async () => {
    const { data, text } = await call("create_entity", {
      type: "room",
      name: " Attic ",
      content: { floor: 2, name: "something else" },
    });
    const [stored] = [...home.entities.values()];
    expect(stored).toMatchObject({ type: "room", content: { floor: 2, name: "Attic" } });
    expect(data).toEqual({
      entity: { id: stored?.id, type: "room", name: "Attic", version: stored?.version, etag: stored?.etag },
      dry_run: false,
      call_id: home.calls.at(-1)?.callId,
    });
    expect(text).toContain(stored?.id);
  });

  it("stores nothing on a dry run", async () => {
    const { data } = await call("create_entity", { type: "room", name: "Attic", dry_run: true });
    expect(data.dry_run).toBe(true);
    expect(home.entities.size).toBe(0);
  });

  it("answers a wrong type with the allowed ones and the nearest", async () => {
    const { failed, error, text } = await call("create_entity", { type: "Devices", name: "Lamp" });
    expect(failed).toBe(true);
    expect(error).toMatchObject({
      reason: "INVALID_ARGUMENTS",
      arguments: [{ field: "type", problem: 'cannot be "Devices"', nearest: ["device", "service"] }],
    });
    expect(text).toContain("allowed: home, room, device");
    expect(home.entities.size).toBe(0);
  });

  it("names every argument that is missing, wrong or unknown at once", async () => {
    const { error } = await call("create_entity", { content: [], dry_run: "yes", naem: "red" });
    expect(error?.arguments).toEqual([
      expect.objectContaining({ field: "type", problem: "is required" }),
      { field: "name", problem: "is required" },
      { field: "content", problem: "must be a JSON object" },
      { field: "dry_run", problem: 'must be a boolean, not "yes"' },
      {
        field: "naem",
        problem: "is not an argument of this tool",
        allowed: ["type", "name", "content", "dry_run"],
        nearest: ["name"],
      },
    ]);
  });
});

describe("get_entity_details", () => {
  it("shows content, place and relationships, by name or by id", async () => {
    const { villa, kitchen, lamp } = furnish();
    for (const entity of [lamp.id, lamp.id.toUpperCase(), "ceiling LAMP"]) {
      const { data } = await call("get_entity_details", { entity });
      expect(data).toMatchObject({
        entity: { id: lamp.id, content: { manufacturer: "IKEA", name: "Ceiling lamp" }, etag: lamp.etag },
        located_in: [{ name: kitchen.name }, { name: villa.name }],
        relationships: [{ relation: "located_in", entity: { id: kitchen.id } }],
        more_relationships: false,
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
    expect(data.more_relationships).toBe(true);
  });

  it("answers an unknown name with the nearest ones", async () => {
    const { lamp } = furnish();
    const { failed, error, text } = await call("get_entity_details", { entity: "Cieling lamb" });
    expect(failed).toBe(true);
    expect(error).toMatchObject({ reason: "ENTITY_UNKNOWN", suggestions: [{ id: lamp.id }] });
    expect(text).toContain(`Ceiling lamp (device, id ${lamp.id})`);
  });

  it("answers a name that several bear with all of them", async () => {
    const lamps = [home.add("device", "Lamp"), home.add("device", "lamp")];
    const { error } = await call("get_entity_details", { entity: "Lamp" });
    expect(error).toMatchObject({
      reason: "ENTITY_AMBIGUOUS",
      suggestions: lamps.map(({ id }) => expect.objectContaining({ id })),
    });
  });

  it("tells which properties there are when one that was asked for is not", async () => {
    const { lamp } = furnish();
    const { data, text } = await call("get_entity_details", { entity: lamp.id, fields: ["name", "maker"] });
    expect(data.entity).toMatchObject({ content: { name: "Ceiling lamp" } });
    expect(text).toContain("it has no maker; its properties are manufacturer, name");
  });

  it("means the device by a name that its accessory and service bear too", async () => {
    const lamp = home.add("device", "Lamp");
    for (const type of ["accessory", "service"] as const) home.add(type, "Lamp");
    const { data } = await call("get_entity_details", { entity: "lamp" });
    expect(data.entity).toMatchObject({ id: lamp.id, type: "device" });
  });

  it("answers an unknown id as not there", async () => {
    const { error } = await call("get_entity_details", { entity: randomUUID() });
    expect(error?.reason).toBe("ENTITY_UNKNOWN");
  });
});

describe("update_entity", () => {
  it("sets and removes the named keys and leaves the others", async () => {
    const { lamp } = furnish();
    const { data } = await call("update_entity", {
      entity_id: lamp.id,
      content: { name: "Pendant", brightness: null },
      remove: ["manufacturer"],
      etag: lamp.etag,
    });
    expect(home.entities.get(lamp.id)?.content).toEqual({ name: "Pendant", brightness: null });
    expect(data).toMatchObject({ entity: { name: "Pendant" }, changed: ["name", "brightness", "manufacturer"] });
  });

  it("refuses a change that somebody has overtaken, and names the etag of now", async () => {
    const { lamp } = furnish();
    const { error, text } = await call("update_entity", { entity_id: lamp.id, content: { x: 1 }, etag: '"0"' });
    expect(error?.reason).toBe("ETAG_MISMATCH");
    expect(text).toContain(lamp.etag);
    expect(home.entities.get(lamp.id)).toBe(lamp);
  });

  it("refuses a change of nothing, which would otherwise replace everything", async () => {
    const { lamp } = furnish();
    const { error } = await call("update_entity", { entity_id: lamp.id, content: {} });
    expect(error).toMatchObject({ reason: "INVALID_ARGUMENTS", arguments: [{ field: "content" }] });
    expect(home.entities.get(lamp.id)).toBe(lamp);
  });

  it("answers a name with the ids that it may stand for, and changes nothing", async () => {
    const { lamp } = furnish();
    const { error } = await call("update_entity", { entity_id: "Ceiling lamp", content: { x: 1 } });
    expect(error).toMatchObject({ reason: "ID_NEEDED", suggestions: [{ id: lamp.id }] });
    expect(home.entities.get(lamp.id)).toBe(lamp);
  });

  it("refuses an empty name and a key that is both set and removed", async () => {
    const { lamp } = furnish();
    const { error } = await call("update_entity", { entity_id: lamp.id, content: { name: " " }, remove: ["name"] });
    expect(error?.arguments).toEqual([
      expect.objectContaining({ field: "remove" }),
      expect.objectContaining({ field: "content.name" }),
    ]);
  });
});

describe("delete_entity", () => {
  it("deletes the entity with its relationships, and only then", async () => {
    const { kitchen } = furnish();
    const planned = await call("delete_entity", { entity_id: kitchen.id, dry_run: true });
    expect(planned.data).toMatchObject({ dry_run: true });
    expect(planned.data.deleted_relationship_ids).toHaveLength(3);
    expect(home.entities.has(kitchen.id)).toBe(true);
    const done = await call("delete_entity", { entity_id: kitchen.id });
    expect(done.text).toBe(`Deleted Kitchen (room, id ${kitchen.id}) and 3 relationships.`);
    expect(home.entities.has(kitchen.id)).toBe(false);
    expect(home.relationships.size).toBe(0);
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
    home.add("room", "Shed");
    const everywhere = await call("query_graph", { query: "find_rooms" });
    expect(everywhere.data).toMatchObject({ total: 2 });
    const inVilla = await call("query_graph", { query: "find_rooms", within: villa.id });
    expect(inVilla.data).toMatchObject({ total: 1, entities: [{ id: kitchen.id }] });
    const devices = await call("query_graph", { query: "find_devices", within: "Villa", name_contains: "fri" });
    expect(devices.data).toMatchObject({ total: 1, entities: [{ name: "Fridge" }] });
  });
});

describe("create_relationship", () => {
  it("connects two entities by name", async () => {
    const { kitchen } = furnish();
    const sensor = home.add("device", "Sensor");
    const { data } = await call("create_relationship", { type: "located_in", from: "Sensor", to: "Kitchen" });
    expect([...home.relationships.values()].at(-1)).toMatchObject({
      type: "located_in",
      fromId: sensor.id,
      toId: kitchen.id,
    });
    expect(data).toMatchObject({ relationship: { from: { id: sensor.id }, to: { id: kitchen.id } } });
  });

  it("always names the first end that is wrong", async () => {
    for (let round = 0; round < 5; round++) {
      const { text } = await call("create_relationship", { type: "depends_on", from: "No one", to: randomUUID() });
      expect(text).toMatch(/^from: /);
    }
  });

  it("answers a pair that cannot be connected with what could", async () => {
    furnish();
    const before = home.relationships.size;
    const { error, text } = await call("create_relationship", { type: "located_in", from: "Kitchen", to: "Fridge" });
    expect(error?.reason).toBe("FORBIDDEN_EDGE");
    expect(text).toContain("device/accessory located_in room/zone/home");
    expect(home.relationships.size).toBe(before);
  });
});

describe("sync_now", () => {
  beforeEach(() => {
    home.knownDevices.push(
      { deviceId: "ada-phone", connected: true, behind: 3, lastSeen: "2026-11-22T09:41:02.581Z", platform: "ios" },
      { deviceId: "wall-panel", connected: false, behind: 0, lastSeen: undefined, platform: "" },
    );
  });

  it("asks the connected devices and says how far each is", async () => {
    const { data, text } = await call("sync_now", {});
    expect(home.syncRequests).toEqual([{ deviceId: undefined, reason: "asked by an assistant" }]);
    expect(data).toMatchObject({ devices_asked: 1, devices: [{ behind: 3 }, { connected: false }] });
    expect(text).toContain("ada-phone: connected, 3 changes behind");
  });

  it("answers an unknown device with the nearest, and asks nobody", async () => {
    const { error } = await call("sync_now", { device_id: "adas-phone" });
    expect(error).toMatchObject({ arguments: [{ field: "device_id", nearest: ["ada-phone"] }] });
    expect(home.syncRequests).toEqual([]);
  });
});

describe("list_conflicts", () => {
  it("shows both sides of what waits for a person", async () => {
    home.knownConflicts.push({
      id: randomUUID(),
      recordId: randomUUID(),
      recordKind: "entity",
      type: "content_conflict",
      decision: "open",
      strategy: "manual",
      fields: [{ field: "name", rule: "", device: "Lamp", server: undefined, base: null, decided: undefined }],
      deviceAuthor: "ada",
      serverAuthor: "bob",
      openedAt: "2026-11-22T09:41:02.581Z",
      etag: '"1"',
    });
    const { data, text } = await call("list_conflicts", {});
    expect(data.conflicts).toMatchObject([{ fields: [{ field: "name", rule: "", device: "Lamp", base: null }] }]);
    expect(text).toContain('name: "Lamp" against not set');
    expect((await call("list_conflicts", { state: "settled" })).data.conflicts).toEqual([]);
  });
});

describe("a fault behind the gateway", () => {
  it.each([
    ["away", unavailable("entity-store does not answer", { retryAfterMs: 2_500 }), "Try again in 3 s"],
    ["broken", new TypeError("secret detail"), "Something went wrong on our side"],
    [
      "refusing a field",
      invalid([{ field: "body_json.size", description: "is too large" }]),
      "content.size is too large",
    ],
    ["at its limit", new DomainError("exhausted", "slow down", { reason: "RATE_LIMITED" }), "Try again in 1 s"],
  ])("is told to the model without secrets: %s", async (_case, failure, text) => {
    home.failure = failure;
    const result = await call("create_entity", { type: "note", name: "n" });
    expect(result.failed).toBe(true);
    expect(result.text).toContain(text);
    expect(result.text).not.toContain("secret");
    expect(endpoint.reports.at(-1)).toMatchObject({ tool: "create_entity", error: failure });
  });
});
