import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { expect } from "vitest";
import { itemsIn, type NameCase, type ToolRow } from "./row.ts";

const { AUTOMATES, CONNECTS_TO, CONTROLS } = RelationshipType;
const idsOf = (records: readonly { readonly id: string }[]) => records.map(({ id }) => id).toSorted();

const ROOM: NameCase = { argument: "room", right: "kitchen", wrong: "lamp" };

/** The tools that look for things and list them. */
export const readingTheGraph: readonly ToolRow[] = [
  {
    tool: "search_entities",
    happy: {
      args: () => ({ query: "ceiling", fields: ["manufacturer"] }),
      async check({ data, text }, home, { clients, as }) {
        const { hits } = await clients.graph.searchEntities({ query: "ceiling" }, as);
        expect(idsOf(itemsIn(data.hits))).toEqual(idsOf(hits.map(({ entity }) => ({ id: entity?.id ?? "" }))));
        expect(itemsIn(data.hits)[0]).toMatchObject({
          id: home.lamp,
          match: "prefix",
          fields: { manufacturer: "IKEA" },
        });
        expect(text).toContain(home.lamp);
      },
    },
    empty: { args: () => ({ query: "xylophone" }), data: { hits: [] } },
    names: "a search looks for words, and what it does not find is an answer",
    pages: { args: () => ({ query: "heater" }), limit: ["limit", 100], list: "hits" },
    overLimit: { args: () => ({ query: "lamp", limit: 101 }), field: "limit" },
  },
  {
    tool: "get_entity_details",
    happy: {
      args: ({ lamp }) => ({ entity: lamp }),
      async check({ data }, home, { clients, as }) {
        const { entity } = await clients.entities.getEntity({ id: home.lamp }, as);
        expect(data.entity).toMatchObject({ etag: entity?.etag, content: JSON.parse(entity?.bodyJson ?? "") });
        const { ancestors } = await clients.graph.getAncestors({ entityId: home.lamp }, as);
        expect(itemsIn(data.located_in).map(({ id }: { id: string }) => id)).toEqual(
          ancestors.map((each) => each.entity?.id),
        );
        const { neighbours } = await clients.graph.getNeighbours({ entityId: home.lamp }, as);
        expect(data.relationships).toHaveLength(neighbours.length);
      },
    },
    empty: { args: ({ loner }) => ({ entity: loner }), data: { located_in: [], relationships: [] } },
    names: [{ argument: "entity", right: "lamp", wrong: "lampInKitchen" }],
    pages: { args: ({ heater }) => ({ entity: heater }), limit: ["relationship_limit", 200], list: "relationships" },
    overLimit: { args: ({ lamp }) => ({ entity: lamp, relationship_limit: 201 }), field: "relationship_limit" },
  },
  {
    tool: "get_devices_in_room",
    happy: {
      args: ({ kitchen }) => ({ room: kitchen }),
      async check({ data }, home, { clients, as }) {
        const { entities } = await clients.entities.listEntities(
          { types: [EntityType.DEVICE], locatedInId: home.kitchen },
          as,
        );
        expect(idsOf(itemsIn(data.entities))).toEqual(idsOf(entities));
        expect(data).toMatchObject({ room: { id: home.kitchen }, total: 1 });
      },
    },
    empty: { args: ({ attic }) => ({ room: attic }), data: { entities: [], total: 0 } },
    names: [ROOM],
    pages: { args: ({ garage }) => ({ room: garage }), limit: ["limit", 200], list: "entities" },
    overLimit: { args: ({ kitchen }) => ({ room: kitchen, limit: 201 }), field: "limit" },
  },
  {
    tool: "query_graph",
    happy: {
      args: ({ house }) => ({ query: "find_rooms", within: house }),
      async check({ data }, home, { clients, as }) {
        const { entities } = await clients.entities.listEntities(
          { types: [EntityType.ROOM], locatedInId: home.house },
          as,
        );
        expect(idsOf(itemsIn(data.entities))).toEqual(idsOf(entities));
        expect(data.total).toBe(3);
      },
    },
    empty: { args: () => ({ query: "find_devices", name_contains: "xylophone" }), data: { entities: [], total: 0 } },
    names: [{ argument: "within", right: "house", wrong: "lamp", beside: () => ({ query: "find_devices" }) }],
    pages: { args: () => ({ query: "find_rooms" }), limit: ["limit", 200], list: "entities" },
    overLimit: { args: () => ({ query: "find_rooms", limit: 201 }), field: "limit" },
  },
  {
    tool: "find_device_controls",
    happy: {
      args: ({ lamp }) => ({ device: lamp }),
      async check({ data }, home, { clients, as }) {
        expect(data.capabilities).toEqual(["on_off", "dimming"]);
        expect(data.services).toEqual([
          { id: home.service, type: "service", name: "Lightbulb", can_set: ["on"], can_read: ["on", "brightness"] },
        ]);
        const { neighbours } = await clients.graph.getNeighbours(
          { entityId: home.lamp, types: [CONTROLS, AUTOMATES] },
          as,
        );
        expect(idsOf(itemsIn(data.links).map(entityOf))).toEqual(
          idsOf(neighbours.map((each) => ({ id: each.entity?.id ?? "" }))),
        );
        expect(itemsIn(data.links).map(({ relation }: { relation: string }) => relation)).toEqual([
          "automated_by",
          "controlled_by",
        ]);
      },
    },
    empty: "a device that nothing controls is told as itself, with empty lists",
    names: [{ argument: "device", right: "lamp", wrong: "kitchen" }],
    pages: { args: ({ heater }) => ({ device: heater }), limit: ["limit", 200], list: "links" },
    overLimit: { args: () => ({ device: "x".repeat(201) }), field: "device" },
  },
  {
    tool: "get_room_connections",
    happy: {
      args: ({ kitchen }) => ({ room: kitchen }),
      async check({ data }, home, { clients, as }) {
        expect(data.connections).toMatchObject([{ to: { id: home.hall }, via: { id: home.door } }]);
        const { steps } = await clients.graph.findPath(
          { fromId: home.kitchen, toId: home.hall, types: [CONNECTS_TO] },
          as,
        );
        expect(steps.map(({ entity }) => entity?.id)).toEqual([home.door, home.hall]);
      },
    },
    empty: { args: ({ attic }) => ({ room: attic }), data: { connections: [] } },
    names: [ROOM],
    pages: { args: ({ garage }) => ({ room: garage }), limit: ["limit", 200], list: "connections" },
    overLimit: { args: () => ({ room: "x".repeat(201) }), field: "room" },
  },
  {
    tool: "find_path",
    happy: {
      args: ({ lamp, hall }) => ({ from: lamp, to: hall }),
      async check({ data }, home, { clients, as }) {
        const { steps } = await clients.graph.findPath({ fromId: home.lamp, toId: home.hall }, as);
        expect(
          itemsIn(data.steps)
            .map(entityOf)
            .map(({ id }: { id: string }) => id),
        ).toEqual(steps.map((each) => each.entity?.id));
        expect(data.found).toBe(true);
      },
    },
    empty: { args: ({ lamp, loner }) => ({ from: lamp, to: loner }), data: { found: false, steps: [] } },
    names: [
      { argument: "from", right: "lamp", wrong: "lampInKitchen", beside: ({ hall }) => ({ to: hall }) },
      { argument: "to", right: "lamp", wrong: "lampInKitchen", beside: ({ hall }) => ({ from: hall }) },
    ],
    pages: "a path is one answer",
    overLimit: { args: ({ lamp, hall }) => ({ from: lamp, to: hall, max_steps: 21 }), field: "max_steps" },
  },
  {
    tool: "find_similar_entities",
    happy: {
      args: ({ lamp }) => ({ entity: lamp }),
      async check({ data }, home, { clients, as }) {
        const { entities } = await clients.graph.findSimilarEntities({ entityId: home.lamp }, as);
        expect(idsOf(itemsIn(data.similar))).toEqual(idsOf(entities.map(({ entity }) => ({ id: entity?.id ?? "" }))));
        expect(itemsIn(data.similar)[0]).toMatchObject({ id: home.wallSwitch, agree: ["manufacturer"] });
      },
    },
    empty: { args: ({ loner }) => ({ entity: loner }), data: { similar: [] } },
    names: [{ argument: "entity", right: "lamp", wrong: "lampInKitchen" }],
    pages: { args: ({ heater }) => ({ entity: heater }), limit: ["limit", 100], list: "similar" },
    overLimit: { args: ({ lamp }) => ({ entity: lamp, limit: 101 }), field: "limit" },
  },
  {
    tool: "get_procedures_for_device",
    happy: {
      args: ({ lamp }) => ({ device: lamp, fields: ["steps"] }),
      async check({ data }, home, { clients, as }) {
        const { entity } = await clients.entities.getEntity({ id: home.procedure }, as);
        const { steps } = JSON.parse(entity?.bodyJson ?? "");
        expect(data.procedures).toMatchObject([
          { id: home.procedure, name: entity?.name, relation: "has_procedure", fields: { steps } },
        ]);
      },
    },
    empty: { args: ({ wallSwitch }) => ({ device: wallSwitch }), data: { procedures: [] } },
    names: [{ argument: "device", right: "lamp", wrong: "dusk" }],
    pages: { args: ({ heater }) => ({ device: heater }), limit: ["limit", 200], list: "procedures" },
    overLimit: { args: ({ lamp }) => ({ device: lamp, limit: 201 }), field: "limit" },
  },
  {
    tool: "get_automations_in_room",
    happy: {
      args: ({ kitchen }) => ({ room: kitchen }),
      async check({ data }, home, { clients, as }) {
        const { relationships } = await clients.relationships.listRelationships(
          { types: [AUTOMATES], toId: home.lamp },
          as,
        );
        expect(relationships.map(({ fromId, toId }) => [fromId, toId])).toEqual([[home.dusk, home.lamp]]);
        expect(data.automations).toMatchObject([
          { id: home.dusk, concerns: [{ relation: "automates", entity: { id: home.lamp } }] },
        ]);
      },
    },
    empty: { args: ({ hall }) => ({ room: hall }), data: { automations: [], total: 0 } },
    names: [ROOM],
    pages: { args: ({ garage }) => ({ room: garage }), limit: ["limit", 200], list: "automations" },
    overLimit: { args: ({ kitchen }) => ({ room: kitchen, limit: 201 }), field: "limit" },
  },
];

function entityOf<Entity>({ entity }: { readonly entity: Entity }): Entity {
  return entity;
}
