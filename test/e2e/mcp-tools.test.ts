import { EntityType, RelationshipType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { REVISIONS } from "@funkygibbon/mcp-gateway/testing/endpoint-under-test";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectAssistant } from "../support/assistant.ts";
import { type Constellation, constellation } from "../support/constellation.ts";
import type { TestHousehold } from "../support/constellation-callers.ts";

// What assistants do, through the official client, read back over gRPC; the same questions to every tool are in tool-matrix.

let house: Constellation;
let villa: TestHousehold;
let member: Awaited<ReturnType<typeof assistant>>;

beforeAll(async () => {
  house = await constellation();
});
afterAll(() => house[Symbol.asyncDispose]());

beforeEach(async () => {
  villa = await house.newHousehold();
  member = await assistant(villa.tokens.member);
  return () => member.client.close();
});

/** An assistant with short ways to write. */
async function assistant(token: string, revision: (typeof REVISIONS)[number] = "2026-07-28") {
  const connected = await connectAssistant(house, token, revision);
  return {
    ...connected,
    /** Creates an entity and answers its id. */
    async create(type: string, name: string, content: object = {}): Promise<string> {
      const { data, text } = await connected.call<Written>("create_entity", { type, name, content });
      expect(text).toContain("Created");
      return data.entity.id;
    },
    async connect(type: string, from: string, to: string): Promise<string> {
      const { data, text } = await connected.call<Connected>("create_relationship", { type, from, to });
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
      clientName: "Test Assistant",
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

describe("restore_entity", () => {
  it("brings back what an older version said, and answers an unknown version with those that there are", async () => {
    const lamp = await member.create("device", "Lamp", { watts: 40 });
    const { version, etag } = await stored(lamp);
    await member.call("update_entity", { entity_id: lamp, content: { watts: 5 }, remove: ["name"] });
    const unknown = await member.call("restore_entity", { entity_id: lamp, version: version?.replace(/\d+$/, "999") });
    expect(unknown.error).toMatchObject({ reason: "VERSION_UNKNOWN", arguments: [{ field: "version" }] });
    expect(unknown.error?.arguments?.[0]?.nearest).toContain(version);
    const stale = await member.call("restore_entity", { entity_id: lamp, version, etag });
    expect(stale.error?.reason).toBe("STALE_ETAG");
    const restored = await member.call("restore_entity", { entity_id: lamp, version });
    expect(restored.failed).toBe(false);
    expect((await stored(lamp)).content).toEqual({ name: "Lamp", watts: 40 });
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

  it("says where a thing is already, so that what has moved is not in two places", async () => {
    const { kitchen, lamp } = await furnishedKitchen();
    const hall = await member.create("room", "Hall");
    const moved = { type: "located_in", from: lamp, to: hall };
    const { data, text } = await member.call<{ also_in: { relationship_id: string }[] }>("create_relationship", moved);
    expect(data.also_in).toMatchObject([{ place: { id: kitchen } }]);
    const [before] = data.also_in;
    expect(text).toContain(`end relationship ${before?.relationship_id}`);
    await member.call("end_relationship", { relationship_id: before?.relationship_id });
    const { ancestors } = await house.clients.graph.getAncestors({ entityId: lamp }, { token: villa.tokens.owner });
    expect(ancestors.map(({ entity }) => entity?.id)).toEqual([hall]);
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

  it("shows what an entity was, by the name that it bore", async () => {
    const { kitchen, lamp } = await furnishedKitchen();
    const then = new Date().toISOString();
    await member.call("update_entity", { entity_id: lamp, content: { name: "Pendant" } });
    const was = await member.call("get_entity_details", { entity: "Ceiling lamp", at: then });
    expect(was.data).toMatchObject({ entity: { id: lamp, name: "Ceiling lamp" }, located_in: [{ id: kitchen }, {}] });
    const tooEarly = await member.call("get_entity_details", { entity: lamp, at: "1h" });
    expect(tooEarly.error?.reason).toBe("ENTITY_UNKNOWN");
    const changes = await member.call("what_changed", { since: then });
    expect(changes.data).toMatchObject({
      changes: [{ id: lamp, change: "updated", keys: [{ key: "name", before: '"Ceiling lamp"', after: '"Pendant"' }] }],
    });
    await member.call("delete_entity", { entity_id: lamp });
    const { data, text } = await member.call<{ changes: object[] }>("what_changed", { since: then });
    const [gone, edge] = data.changes;
    expect(gone).toMatchObject({ id: lamp, change: "deleted", by: "ben", at: expect.stringMatching(/^20.*Z$/) });
    expect(edge).toMatchObject({ change: "deleted", type: "located_in", by: "server" });
    expect(text).toContain(`(device, id ${lamp}), by ben at 20`);
  });

  it("goes on from page to page about the same time, however it was told", async () => {
    await furnishedKitchen();
    const pages = [];
    let cursor: unknown;
    do {
      const { data, failed } = await member.call<{ changes: { id: string }[]; next_cursor?: string }>("what_changed", {
        since: "1h",
        limit: 3,
        ...(cursor === undefined ? {} : { cursor }),
      });
      expect(failed).toBe(false);
      pages.push(...data.changes);
      cursor = data.next_cursor;
    } while (cursor !== undefined);
    expect(new Set(pages.map(({ id }) => id)).size).toBe(7);
    const calls = await member.call("get_activity", { since: "1h", limit: 2 });
    const rest = await member.call("get_activity", { since: "1h", limit: 9, cursor: calls.data.next_cursor });
    expect(rest.data.calls).toHaveLength(5);
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
