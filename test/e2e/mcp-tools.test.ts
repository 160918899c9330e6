import { randomUUID } from "node:crypto";
import { EntityType, RelationshipType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { REVISIONS } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";

// Every tool through the official client, read back through another door: gRPC.

let house: Constellation;
let villa: TestHousehold;
let member: Assistant;

beforeAll(async () => {
  house = await constellation();
});
afterAll(() => house[Symbol.asyncDispose]());

beforeEach(async () => {
  villa = await house.newHousehold();
  member = await assistant(villa.tokens.member);
  return () => member.client.close();
});

type Assistant = Awaited<ReturnType<typeof assistant>>;

async function assistant(token: string, revision: (typeof REVISIONS)[number] = "2026-07-28") {
  const client = new Client(
    { name: "E2E Assistant", version: "1.0.0" },
    { versionNegotiation: { mode: revision === "2026-07-28" ? { pin: revision } : "legacy" } },
  );
  const url = new URL("/mcp", house.urls.mcpGateway);
  await client.connect(new StreamableHTTPClientTransport(url, { authProvider: { token: async () => token } }));
  await client.listTools();
  return {
    client,
    async call<Data = Record<string, unknown>>(name: string, args: Record<string, unknown>) {
      const result = await client.callTool({ name, arguments: args });
      const [content] = result.content;
      return {
        failed: result.isError === true,
        text: content?.type === "text" ? content.text : "",
        data: result.structuredContent as Data,
        error: result._meta?.["funkygibbon.dev/error"] as
          | { reason: string; suggestions?: { id: string }[] }
          | undefined,
      };
    },
    /** Creates an entity and answers its id. */
    async create(type: string, name: string, content: object = {}): Promise<string> {
      const { data, text } = await this.call<Written>("create_entity", { type, name, content });
      expect(text).toContain("Created");
      return data.entity.id;
    },
    async connect(type: string, from: string, to: string): Promise<string> {
      const { data, text } = await this.call<Connected>("create_relationship", { type, from, to });
      expect(text).toContain("Connected");
      return data.relationship.id;
    },
  };
}

interface Written {
  readonly entity: { readonly id: string; readonly version: string; readonly etag: string };
  readonly call_id: string;
}

interface Connected {
  readonly relationship: { readonly id: string };
}

/** What entity-store says to the owner, over gRPC. */
async function stored(id: string) {
  const { entity } = await house.clients.entities.getEntity({ id }, { token: villa.tokens.owner });
  return { ...entity, content: JSON.parse(entity?.bodyJson ?? "null") };
}

async function furnishedKitchen() {
  const home = await member.create("home", "Villa");
  const kitchen = await member.create("room", "Kitchen");
  const lamp = await member.create("device", "Ceiling lamp", { manufacturer: "IKEA" });
  const fridge = await member.create("device", "Fridge");
  await member.connect("located_in", kitchen, home);
  await member.connect("located_in", lamp, kitchen);
  await member.connect("located_in", fridge, kitchen);
  return { home, kitchen, lamp, fridge };
}

describe.each(REVISIONS)("an assistant of revision %s", (revision) => {
  it("writes in its user's name and its own, and history says which call it was", async () => {
    const old = await assistant(villa.tokens.member, revision);
    const { data } = await old.call<Written>("create_entity", {
      type: "device",
      name: "Boiler",
      content: { kW: 24, fuel: null },
    });
    expect(await stored(data.entity.id)).toMatchObject({
      type: EntityType.DEVICE,
      source: SourceType.MCP,
      name: "Boiler",
      content: { name: "Boiler", kW: 24, fuel: null },
      author: "ben",
      version: data.entity.version,
      etag: data.entity.etag,
    });
    const { entries } = await house.clients.entities.getEntityHistory(
      { id: data.entity.id },
      { token: villa.tokens.owner },
    );
    expect(entries).toHaveLength(1);
    expect(entries[0]?.version?.origin).toMatchObject({
      channel: "mcp",
      clientName: "E2E Assistant",
      tool: "create_entity",
      callId: data.call_id,
    });
    await old.client.close();
  });
});

describe("update_entity", () => {
  it("changes the named properties and nothing else", async () => {
    const lamp = await member.create("device", "Lamp", { room: "hall", watts: 40 });
    const { failed } = await member.call("update_entity", {
      entity_id: lamp,
      content: { name: "Pendant", colour: { hue: 12 } },
      remove: ["room"],
    });
    expect(failed).toBe(false);
    expect((await stored(lamp)).content).toEqual({ name: "Pendant", colour: { hue: 12 }, watts: 40 });
  });

  it("stores nothing on a dry run, nor against a stale etag", async () => {
    const lamp = await member.create("device", "Lamp");
    const before = await stored(lamp);
    const planned = await member.call("update_entity", { entity_id: lamp, content: { watts: 1 }, dry_run: true });
    expect(planned.failed).toBe(false);
    expect(await stored(lamp)).toEqual(before);
    await member.call("update_entity", { entity_id: lamp, content: { watts: 2 }, etag: before.etag });
    const stale = await member.call("update_entity", { entity_id: lamp, content: { watts: 3 }, etag: before.etag });
    expect(stale.failed).toBe(true);
    const after = await stored(lamp);
    expect(stale.text).toContain(after.etag);
    expect(after.content).toEqual({ name: "Lamp", watts: 2 });
  });

  it("refuses a body over the limit and says which argument", async () => {
    const lamp = await member.create("device", "Lamp");
    const { failed, text } = await member.call("update_entity", {
      entity_id: lamp,
      content: { note: "x".repeat(70_000) },
    });
    expect(failed).toBe(true);
    expect(text).toContain("content");
    expect((await stored(lamp)).content).toEqual({ name: "Lamp" });
  });
});

describe("delete_entity", () => {
  it("deletes the entity and its relationships; it can be restored", async () => {
    const { kitchen, lamp } = await furnishedKitchen();
    const planned = await member.call<{ deleted_relationship_ids: string[] }>("delete_entity", {
      entity_id: kitchen,
      dry_run: true,
    });
    expect(planned.data.deleted_relationship_ids).toHaveLength(3);
    expect((await stored(kitchen)).name).toBe("Kitchen");
    const done = await member.call<{ deleted_relationship_ids: string[] }>("delete_entity", { entity_id: kitchen });
    expect(done.data.deleted_relationship_ids.toSorted()).toEqual(planned.data.deleted_relationship_ids.toSorted());
    await expect(stored(kitchen)).rejects.toMatchObject({ kind: "not-found" });
    const { relationships } = await house.clients.relationships.listRelationships(
      { entityId: lamp },
      { token: villa.tokens.owner },
    );
    expect(relationships).toEqual([]);
    const again = await member.call("delete_entity", { entity_id: kitchen });
    expect(again.error?.reason).toBe("ENTITY_DELETED");
    expect(again.text).toContain("by ben");
    await house.clients.entities.restoreEntity({ id: kitchen, etag: "*" }, { token: villa.tokens.owner });
    const back = await member.call<{ total: number }>("get_devices_in_room", { room: "Kitchen" });
    expect(back.data.total).toBe(2);
  });
});

describe("create_relationship", () => {
  it("stores the edge with its properties", async () => {
    const [lamp, manual] = [await member.create("device", "Lamp"), await member.create("manual", "Lamp manual")];
    const { data } = await member.call<Connected>("create_relationship", {
      type: "documented_by",
      from: lamp,
      to: manual,
      properties: { page: 3 },
    });
    const { relationship } = await house.clients.relationships.getRelationship(
      { id: data.relationship.id },
      { token: villa.tokens.owner },
    );
    expect(relationship).toMatchObject({
      type: RelationshipType.DOCUMENTED_BY,
      fromId: lamp,
      toId: manual,
      propertiesJson: '{"page":3}',
      source: SourceType.MCP,
      author: "ben",
    });
  });

  it("refuses a cycle and stores nothing", async () => {
    const [box, part] = [await member.create("device", "Box"), await member.create("device", "Part")];
    await member.connect("part_of", part, box);
    const { failed } = await member.call("create_relationship", { type: "part_of", from: box, to: part });
    expect(failed).toBe(true);
    const { relationships } = await house.clients.relationships.listRelationships({}, { token: villa.tokens.owner });
    expect(relationships).toHaveLength(1);
  });
});

describe("reading", () => {
  it("finds by name, in a room, in the home, and shows where things are", async () => {
    const { home, kitchen, lamp, fridge } = await furnishedKitchen();
    const searched = await member.call<{ hits: { id: string }[] }>("search_entities", { query: "ceiling" });
    expect(searched.data.hits.map(({ id }) => id)).toEqual([lamp]);
    const inRoom = await member.call("get_devices_in_room", { room: "kitchen", fields: ["manufacturer"] });
    expect(inRoom.data).toMatchObject({
      room: { id: kitchen },
      total: 2,
      entities: [
        { id: lamp, fields: { manufacturer: "IKEA" } },
        { id: fridge, fields: {} },
      ],
    });
    const rooms = await member.call("query_graph", { query: "find_rooms", within: home });
    expect(rooms.data).toMatchObject({ total: 1, entities: [{ id: kitchen }] });
    const devices = await member.call("query_graph", { query: "find_devices", within: "Villa", limit: 1 });
    expect(devices.data).toMatchObject({ total: 2, entities: [{ id: lamp }] });
    const rest = await member.call("query_graph", {
      query: "find_devices",
      within: "Villa",
      limit: 1,
      cursor: devices.data.next_cursor,
    });
    expect(rest.data).toMatchObject({ entities: [{ id: fridge }] });
    const details = await member.call("get_entity_details", { entity: "Ceiling lamp" });
    expect(details.data).toMatchObject({
      entity: { id: lamp, content: { manufacturer: "IKEA" }, author: "ben", source: "mcp" },
      located_in: [{ id: kitchen }, { id: home }],
      relationships: [{ relation: "located_in", entity: { id: kitchen } }],
    });
    const room = await member.call<{ relationships: { relation: string }[] }>("get_entity_details", {
      entity: kitchen,
    });
    expect(room.data.relationships.map(({ relation }) => relation).toSorted()).toEqual([
      "contains",
      "contains",
      "located_in",
    ]);
  });

  it("says how things are controlled, connected, alike, automated and explained, and what they were", async () => {
    const before = new Date(Date.now() - 1_000).toISOString();
    const { kitchen, lamp, fridge } = await furnishedKitchen();
    const hall = await member.create("room", "Hall");
    const door = await member.create("door", "Kitchen door");
    for (const room of [kitchen, hall]) await member.connect("connects_to", door, room);
    const wallSwitch = await member.create("device", "Wall switch", { manufacturer: "IKEA" });
    await member.connect("controls", wallSwitch, lamp);
    const dusk = await member.create("automation", "Dusk");
    await member.connect("automates", dusk, lamp);
    const manual = await member.create("manual", "Lamp manual", { pages: 4 });
    await member.connect("documented_by", lamp, manual);
    const asked = async (tool: string, args: Record<string, unknown>) => (await member.call(tool, args)).data;
    expect(await asked("find_device_controls", { device: lamp })).toMatchObject({
      links: [
        { relation: "controlled_by", entity: { id: wallSwitch }, part: { id: lamp } },
        { relation: "automated_by", entity: { id: dusk } },
      ],
    });
    expect(await asked("get_room_connections", { room: "Kitchen" })).toMatchObject({
      connections: [{ to: { id: hall }, via: { id: door } }],
    });
    expect(await asked("find_path", { from: lamp, to: hall })).toMatchObject({
      found: true,
      steps: [
        { relation: "located_in", entity: { id: kitchen } },
        { relation: "connects_to", entity: { id: door } },
        { relation: "connects_to", entity: { id: hall } },
      ],
    });
    expect(await asked("find_similar_entities", { entity: lamp })).toMatchObject({
      similar: [{ id: wallSwitch, agree: ["manufacturer"] }, { id: fridge }],
    });
    expect(await asked("get_procedures_for_device", { device: lamp, fields: ["pages"] })).toMatchObject({
      procedures: [{ id: manual, relation: "documented_by", fields: { pages: 4 } }],
    });
    expect(await asked("get_automations_in_room", { room: kitchen })).toMatchObject({
      automations: [{ id: dusk, concerns: [{ relation: "automates", entity: { id: lamp } }] }],
    });
    const then = new Date().toISOString();
    await member.call("update_entity", { entity_id: lamp, content: { name: "Pendant" } });
    expect(await asked("get_history", { record: lamp, fields: ["name"] })).toMatchObject({
      versions: [
        { changed: ["name"], fields: { name: "Pendant" }, current: true, through: "mcp: E2E Assistant, update_entity" },
        { changed: ["manufacturer", "name"], current: false },
      ],
    });
    expect(await asked("get_entity_details", { entity: "Ceiling lamp", at: then })).toMatchObject({
      entity: { id: lamp, name: "Ceiling lamp" },
    });
    const changes = await asked("what_changed", { since: then });
    expect(changes).toMatchObject({
      changes: [{ id: lamp, change: "updated", keys: [{ key: "name", before: '"Ceiling lamp"', after: '"Pendant"' }] }],
    });
    const first = await member.call("what_changed", { since: "1h", limit: 1 });
    const second = await member.call("what_changed", { since: "1h", limit: 1, cursor: first.data.next_cursor });
    expect(second.failed).toBe(false);
    expect(second.data.changes).not.toEqual(first.data.changes);
    const nothing = await member.call("get_entity_details", { entity: lamp, at: before });
    expect(nothing.error?.reason).toBe("ENTITY_UNKNOWN");
  });

  it("answers a mistyped name with the right one", async () => {
    const { kitchen } = await furnishedKitchen();
    const { error } = await member.call("get_devices_in_room", { room: "Kichen" });
    expect(error?.reason).toBe("ENTITY_UNKNOWN");
    expect(error?.suggestions?.map(({ id }) => id)).toEqual([kitchen]);
  });

  it("says that there are no conflicts when there are none", async () => {
    const { data } = await member.call("list_conflicts", {});
    expect(data).toEqual({ conflicts: [] });
  });
});

describe("sync_now", () => {
  it("answers how many connected devices were asked", async () => {
    const { data, failed } = await member.call("sync_now", {});
    expect(failed).toBe(false);
    expect(data).toEqual({ devices_asked: 0, devices: [] });
  });
});

describe("who may see and do what", () => {
  it("keeps another household's entities out of sight and reach, like ids that never were", async () => {
    const lamp = await member.create("device", "Secret lamp");
    const stranger = await assistant(house.tokens.otherHousehold);
    const before = await stored(lamp);
    for (const [tool, args] of [
      ["get_entity_details", { entity: lamp }],
      ["get_devices_in_room", { room: lamp }],
      ["update_entity", { entity_id: lamp, content: { name: "Stolen" } }],
      ["delete_entity", { entity_id: lamp }],
      ["create_relationship", { type: "depends_on", from: lamp, to: lamp }],
    ] as const) {
      const theirs = await stranger.call(tool, args);
      const never = randomUUID();
      const unknown = await stranger.call(tool, JSON.parse(JSON.stringify(args).replaceAll(lamp, never)));
      expect(theirs.error?.reason).toBe("ENTITY_UNKNOWN");
      expect(theirs.text.replaceAll(lamp, never)).toBe(unknown.text);
    }
    const { data } = await stranger.call<{ hits: unknown[] }>("search_entities", { query: "Secret lamp" });
    expect(data.hits).toEqual([]);
    expect(await stored(lamp)).toEqual(before);
    await stranger.client.close();
  });

  it("lets a guest read and refuses every write", async () => {
    const lamp = await member.create("device", "Lamp");
    const guest = await assistant(villa.tokens.guest);
    const before = await stored(lamp);
    expect((await guest.call("get_entity_details", { entity: lamp })).failed).toBe(false);
    for (const [tool, args] of [
      ["create_entity", { type: "note", name: "n" }],
      ["update_entity", { entity_id: lamp, content: { x: 1 } }],
      ["delete_entity", { entity_id: lamp }],
      ["create_relationship", { type: "depends_on", from: lamp, to: lamp }],
      ["sync_now", {}],
    ] as const) {
      expect((await guest.call(tool, args)).error?.reason).toBe("READ_ONLY");
    }
    expect(await stored(lamp)).toEqual(before);
    await guest.client.close();
  });
});
