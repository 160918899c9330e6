import { RelationshipType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { expect } from "vitest";
import { type Doors, itemIn, type ToolRow } from "./row.ts";

const TOO_LARGE = { text: "x".repeat(70_000) };
const TOO_LONG = "x".repeat(201);

/** The newest version of an entity, which the call must have written. */
async function newestOf({ clients, as }: Doors, id: string) {
  const { entries } = await clients.entities.getEntityHistory({ id, pageSize: 1 }, as);
  return entries[0]?.version;
}

/** What every version says that ben's assistant wrote. */
const by = (tool: string, { call_id: callId }: { readonly call_id: string }) => ({
  author: "ben",
  origin: { channel: "mcp", clientName: "Test Assistant", tool, callId },
});

/** The tools that change the home. */
export const writing: readonly ToolRow[] = [
  {
    tool: "create_entity",
    happy: {
      args: () => ({ type: "note", name: "Shopping", content: { items: 3 } }),
      async check({ data }, _home, doors) {
        const { entity } = await doors.clients.entities.getEntity({ id: itemIn(data.entity).id }, doors.as);
        expect(entity).toMatchObject({ name: "Shopping", source: SourceType.MCP, etag: itemIn(data.entity).etag });
        expect(JSON.parse(entity?.bodyJson ?? "")).toEqual({ items: 3, name: "Shopping" });
        expect(await newestOf(doors, itemIn(data.entity).id)).toMatchObject(by("create_entity", data));
      },
    },
    empty: "there is an entity afterwards, whatever was there before",
    names: "what it makes has no name yet",
    pages: "what was written is one thing",
    overLimit: { args: () => ({ type: "note", name: "Novel", content: TOO_LARGE }), field: "content" },
  },
  {
    tool: "update_entity",
    happy: {
      args: ({ wallSwitch }) => ({ entity_id: wallSwitch, content: { colour: "white" }, remove: ["manufacturer"] }),
      async check({ data }, home, doors) {
        const { entity } = await doors.clients.entities.getEntity({ id: home.wallSwitch }, doors.as);
        expect(JSON.parse(entity?.bodyJson ?? "")).toEqual({ colour: "white", name: "Wall switch" });
        expect(data).toMatchObject({ changed: ["colour", "manufacturer"], entity: { version: entity?.version } });
        expect(await newestOf(doors, home.wallSwitch)).toMatchObject(by("update_entity", data));
      },
    },
    empty: "a change of nothing is refused, for it would replace everything",
    names: [
      {
        argument: "entity_id",
        right: "lamp",
        wrong: "lampInKitchen",
        beside: () => ({ content: { colour: "white" } }),
      },
    ],
    pages: "what was written is one thing",
    overLimit: { args: ({ lamp }) => ({ entity_id: lamp, content: TOO_LARGE }), field: "content" },
  },
  {
    tool: "delete_entity",
    happy: {
      args: ({ procedure }) => ({ entity_id: procedure }),
      async check({ data }, home, doors) {
        const gone = doors.clients.entities.getEntity({ id: home.procedure }, doors.as);
        await expect(gone).rejects.toMatchObject({ kind: "not-found" });
        expect(data.deleted_relationship_ids).toHaveLength(1);
        expect(await newestOf(doors, home.procedure)).toMatchObject({ deleted: true, ...by("delete_entity", data) });
      },
    },
    empty: "there is an entity to delete, or the id is unknown",
    names: [{ argument: "entity_id", right: "lamp", wrong: "lampInKitchen" }],
    pages: "what was written is one thing",
    overLimit: { args: () => ({ entity_id: TOO_LONG }), field: "entity_id" },
  },
  {
    tool: "restore_entity",
    happy: {
      args: ({ oldNote }) => ({ entity_id: oldNote }),
      async check({ data }, home, doors) {
        const { entity } = await doors.clients.entities.getEntity({ id: home.oldNote }, doors.as);
        expect(entity).toMatchObject({ name: "Old note", version: itemIn(data.entity).version });
        expect(await newestOf(doors, home.oldNote)).toMatchObject(by("restore_entity", data));
      },
    },
    empty: "there is something to restore, or the id is unknown",
    names: [{ argument: "entity_id", right: "oldNote", wrong: "lampInKitchen" }],
    pages: "what was written is one thing",
    overLimit: { args: () => ({ entity_id: TOO_LONG }), field: "entity_id" },
  },
  {
    tool: "create_relationship",
    happy: {
      args: ({ dusk, kitchen }) => ({ type: "monitors", from: dusk, to: kitchen, properties: { every: "5 min" } }),
      async check({ data }, home, { clients, as }) {
        const { id } = itemIn(data.relationship);
        const { relationship } = await clients.relationships.getRelationship({ id }, as);
        expect(relationship).toMatchObject({
          type: RelationshipType.MONITORS,
          fromId: home.dusk,
          toId: home.kitchen,
          propertiesJson: '{"every":"5 min"}',
          author: "ben",
        });
        const { entries } = await clients.relationships.getRelationshipHistory({ id }, as);
        expect(entries[0]?.version).toMatchObject(by("create_relationship", data));
      },
    },
    empty: "there is a relationship afterwards, whatever was there before",
    names: [
      {
        argument: "from",
        right: "dusk",
        wrong: "procedure",
        beside: ({ kitchen }) => ({ type: "monitors", to: kitchen }),
      },
      {
        argument: "to",
        right: "kitchen",
        wrong: "procedure",
        beside: ({ dusk }) => ({ type: "monitors", from: dusk }),
      },
    ],
    pages: "what was written is one thing",
    overLimit: {
      args: ({ dusk, kitchen }) => ({ type: "monitors", from: dusk, to: kitchen, properties: TOO_LARGE }),
      field: "properties",
    },
  },
  {
    tool: "end_relationship",
    happy: {
      args: ({ edges }) => ({ relationship_id: edges.switchControlsLamp }),
      async check({ data }, home, { clients, as }) {
        const id = home.edges.switchControlsLamp;
        await expect(clients.relationships.getRelationship({ id }, as)).rejects.toMatchObject({ kind: "not-found" });
        expect(data.relationship).toMatchObject({ id, from: { id: home.wallSwitch }, to: { id: home.lamp } });
        const { entries } = await clients.relationships.getRelationshipHistory({ id }, as);
        expect(entries[0]?.version).toMatchObject({ deleted: true, ...by("end_relationship", data) });
      },
    },
    empty: "there is a relationship to end, or it is unknown",
    names: [
      { argument: "relationship_id", right: "lampInKitchen", wrong: "lamp", leadsTo: "a sentence" },
      {
        argument: "from",
        right: "lamp",
        wrong: "lampInKitchen",
        beside: ({ kitchen }) => ({ type: "located_in", to: kitchen }),
      },
      {
        argument: "to",
        right: "kitchen",
        wrong: "lampInKitchen",
        beside: ({ lamp }) => ({ type: "located_in", from: lamp }),
      },
    ],
    pages: "what was written is one thing",
    overLimit: { args: () => ({ relationship_id: TOO_LONG }), field: "relationship_id" },
  },
  {
    tool: "settle_conflict",
    happy: {
      args: ({ conflict }) => ({ conflict_id: conflict, take: "device" }),
      async check({ data }, home, doors) {
        const { conflict } = await doors.clients.conflicts.getConflict({ id: home.conflict }, doors.as);
        expect(conflict).toMatchObject({ settledBy: "ben", etag: data.etag });
        const { entity } = await doors.clients.entities.getEntity({ id: home.lamp }, doors.as);
        expect(JSON.parse(entity?.bodyJson ?? "")).toEqual(data.content);
        expect(data).toMatchObject({ decision: "took_local", content: { brightness: 70 } });
        expect(await newestOf(doors, home.lamp)).toMatchObject(by("settle_conflict", data));
      },
    },
    empty: "there is a conflict to settle, or the id is unknown",
    names: [
      {
        argument: "conflict_id",
        right: "conflict",
        wrong: { never: "an id of something else is no conflict's, and unknown like any other" },
        beside: () => ({ take: "server" }),
        leadsTo: "values",
      },
    ],
    pages: "what was written is one thing",
    overLimit: {
      args: ({ conflict }) => ({ conflict_id: conflict, take: "content", content: TOO_LARGE }),
      field: "content",
    },
  },
  {
    tool: "undo",
    happy: {
      args: ({ renaming }) => ({ call_id: renaming }),
      async check({ data }, home, doors) {
        const { entity } = await doors.clients.entities.getEntity({ id: home.loner }, doors.as);
        expect(entity?.name).toBe("Loner");
        expect(data).toMatchObject({ done: "changed_back", record_id: home.loner, keys: ["name"], kept: [] });
        expect(await newestOf(doors, home.loner)).toMatchObject(by("undo", data));
      },
    },
    empty: "there is a call to undo, or its id is unknown",
    names: [
      {
        argument: "call_id",
        right: "renaming",
        wrong: { never: "an id of something else is no call's, and unknown like any other" },
        leadsTo: "values",
      },
    ],
    pages: "what was written is one thing",
    overLimit: { args: () => ({ call_id: TOO_LONG }), field: "call_id" },
  },
  {
    tool: "sync_now",
    happy: {
      args: ({ panel }) => ({ device_id: panel }),
      async check({ data }, home, { clients, as }) {
        const { devices } = await clients.sync.listDevices({}, as);
        expect(devices).toMatchObject([{ deviceId: home.panel, connected: true }]);
        expect(data).toMatchObject({ devices_asked: 1, devices: [{ device_id: home.panel, connected: true }] });
      },
    },
    empty: "a household without devices is told as such; the e2e tests of devices ask one",
    names: [
      {
        argument: "device_id",
        right: "panel",
        wrong: { never: "only devices of sync are meant, whose ids no entity has" },
        leadsTo: "values",
      },
    ],
    pages: "what was written is one thing",
    overLimit: { args: () => ({ reason: TOO_LONG }), field: "reason" },
  },
];
