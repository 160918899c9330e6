import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { Direction, MatchKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, type RunningStore, startStore } from "../../../test/running-store.ts";
import { smallHome } from "../../../test/small-home.ts";

const uuid = "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21";

let store: RunningStore;
let home: ReturnType<typeof smallHome>;
let ids: Awaited<ReturnType<ReturnType<typeof smallHome>["furnished"]>>;

beforeAll(async () => {
  store = await startStore();
  home = smallHome(store);
  ids = await home.furnished();
});
afterAll(() => store?.[Symbol.asyncDispose]());

/** What a person reads of an answer: names, distances, and the edge read forwards or backwards. */
function told(reached: readonly { entity?: { name: string } | undefined; distance: number; inverse: boolean }[]) {
  return reached.map(({ entity, distance, inverse }) => `${distance} ${inverse ? "←" : "→"} ${entity?.name}`);
}

describe("the graph", () => {
  it("shows neighbours with their edges, by direction and type", async () => {
    const around = async (request: object) =>
      told((await store.graph.getNeighbours({ entityId: ids.lamp, ...request }, home.as)).neighbours);
    expect(await around({})).toEqual(["1 → Kitchen", "1 ← Switch", "1 ← Bulb"]);
    expect(await around({ direction: Direction.IN })).toEqual(["1 ← Switch", "1 ← Bulb"]);
    expect(await around({ direction: Direction.OUT, types: [RelationshipType.CONTROLS] })).toEqual([]);
    expect(await around({ entityTypes: [EntityType.ROOM] })).toEqual(["1 → Kitchen"]);
    const cut = await store.graph.getNeighbours({ entityId: ids.lamp, limit: 2 }, home.as);
    expect([cut.neighbours.length, cut.truncated]).toEqual([2, true]);
    expect(cut.neighbours[0]?.relationship).toMatchObject({ id: ids.edges.lampInKitchen, inverseName: "contains" });
  });

  it("is traversed breadth first, each entity once", async () => {
    const { reached, truncated } = await store.graph.traverse({ entityId: ids.bulb, maxDepth: 20 }, home.as);
    expect(told(reached)).toEqual(["1 → Lamp", "2 → Kitchen", "2 ← Switch", "3 → Hall", "3 → Home"]);
    expect(truncated).toBe(false);
    const near = await store.graph.traverse({ entityId: ids.bulb, limit: 2, direction: Direction.OUT }, home.as);
    expect([told(near.reached), near.truncated]).toEqual([["1 → Lamp", "2 → Kitchen"], true]);
  });

  it("finds a shortest path, and says NO_PATH where there is none", async () => {
    const path = async (request: object) => {
      const { start, steps } = await store.graph.findPath(
        { fromId: ids.button, toId: ids.kitchen, ...request },
        home.as,
      );
      return [start?.name, ...told(steps)];
    };
    expect(await path({})).toEqual(["Switch", "1 → Lamp", "2 → Kitchen"]);
    expect(await path({ types: [RelationshipType.LOCATED_IN] })).toEqual([
      "Switch",
      "1 → Hall",
      "2 → Home",
      "3 ← Kitchen",
    ]);
    expect(await path({ toId: ids.button })).toEqual(["Switch"]);
    const none = store.graph.findPath({ fromId: ids.kitchen, toId: ids.bulb, directed: true }, home.as);
    expect(await failure(none)).toMatchObject({ kind: "not-found", reason: "NO_PATH" });
  });

  it("knows what a thing is in and what is in it", async () => {
    const { ancestors } = await store.graph.getAncestors({ entityId: ids.bulb }, home.as);
    expect(told(ancestors)).toEqual(["1 → Lamp", "2 → Kitchen", "3 → Home"]);
    const inside = async (request: object) => {
      const { descendants, truncated } = await store.graph.getDescendants({ entityId: ids.home, ...request }, home.as);
      return [told(descendants), truncated];
    };
    expect(await inside({})).toEqual([["1 ← Hall", "1 ← Kitchen", "2 ← Lamp", "2 ← Switch", "3 ← Bulb"], false]);
    expect(await inside({ entityTypes: [EntityType.DEVICE, EntityType.ACCESSORY] })).toEqual([
      ["2 ← Lamp", "2 ← Switch", "3 ← Bulb"],
      false,
    ]);
    expect(await inside({ entityTypes: [EntityType.DEVICE], limit: 1 })).toEqual([["2 ← Lamp"], true]);
    const { entities } = await store.entities.listEntities({ locatedInId: ids.kitchen }, home.as);
    expect(entities.map((entity) => entity.name)).toEqual(["Lamp", "Bulb"]);
    expect((await store.entities.listEntities({ locatedInId: uuid }, home.as)).entities).toEqual([]);
  });

  it("gives a room with what belongs to it, and the edges among these", async () => {
    const { entities, relationships, truncated } = await store.graph.getSubgraph({ entityId: ids.kitchen }, home.as);
    expect(entities.map((entity) => entity.name)).toEqual(["Kitchen", "Lamp", "Bulb"]);
    expect(relationships.map((edge) => edge.id)).toEqual([ids.edges.lampInKitchen, ids.edges.bulbOfLamp]);
    expect(truncated).toBe(false);
    const one = await store.graph.getSubgraph({ entityId: ids.kitchen, limit: 1 }, home.as);
    expect([one.entities.length, one.truncated]).toEqual([1, true]);
  });

  it("answers as of a commit time", async () => {
    const own = smallHome(store);
    const past = await own.furnished();
    const { entity } = await store.entities.updateEntity(
      { id: past.lamp, etag: "*", bodyJson: '{"name":"Lamp"}' },
      own.as,
    );
    const { seconds = 0n, nanos = 0 } = entity?.updateTime ?? {};
    await store.entities.deleteEntity({ id: past.lamp, etag: "*" }, own.as);
    const at = { seconds, nanos };
    const then = await store.graph.getSubgraph({ entityId: past.kitchen, at }, own.as);
    expect(then.entities.map((node) => node.name)).toEqual(["Kitchen", "Lamp", "Bulb"]);
    expect((await store.graph.getSubgraph({ entityId: past.kitchen }, own.as)).entities).toHaveLength(1);
    expect(told((await store.graph.getAncestors({ entityId: past.bulb, at }, own.as)).ancestors)).toHaveLength(3);
    expect((await store.graph.findPath({ fromId: past.button, toId: past.bulb, at }, own.as)).steps).toHaveLength(2);
    expect(await failure(store.graph.traverse({ entityId: past.lamp }, own.as))).toMatchObject({ kind: "not-found" });
  });

  it("answers NOT_FOUND alike for what is not there and what is somebody else's, by every question", async () => {
    const stranger = smallHome(store);
    const ask = (entityId: string) => [
      store.graph.getNeighbours({ entityId }, stranger.as),
      store.graph.traverse({ entityId }, stranger.as),
      store.graph.findPath({ fromId: entityId, toId: entityId }, stranger.as),
      store.graph.getSubgraph({ entityId }, stranger.as),
      store.graph.getAncestors({ entityId }, stranger.as),
      store.graph.getDescendants({ entityId }, stranger.as),
      store.graph.findSimilarEntities({ entityId }, stranger.as),
    ];
    const theirs = await Promise.all(ask(ids.lamp).map(failure));
    const missing = await Promise.all(ask(uuid).map(failure));
    for (const [index, answer] of theirs.entries()) {
      expect(answer).toMatchObject({ kind: "not-found", reason: "NOT_FOUND", details: { id: ids.lamp } });
      expect({ ...answer, details: {} }).toEqual({ ...missing[index], details: {} });
    }
  });

  it.each([
    ["entity_id", (as: object) => store.graph.getNeighbours({ entityId: "x" }, as)],
    ["limit", (as: object) => store.graph.getNeighbours({ entityId: uuid, limit: 1_001 }, as)],
    ["types[0]", (as: object) => store.graph.getNeighbours({ entityId: uuid, types: [0 as RelationshipType] }, as)],
    ["direction", (as: object) => store.graph.getNeighbours({ entityId: uuid, direction: 9 as Direction }, as)],
    ["max_depth", (as: object) => store.graph.traverse({ entityId: uuid, maxDepth: 21 }, as)],
    ["limit", (as: object) => store.graph.traverse({ entityId: uuid, limit: -1 }, as)],
    ["to_id", (as: object) => store.graph.findPath({ fromId: uuid }, as)],
    ["limit", (as: object) => store.graph.getSubgraph({ entityId: uuid, limit: 10_001 }, as)],
    [
      "entity_types[0]",
      (as: object) => store.graph.getDescendants({ entityId: uuid, entityTypes: [99 as EntityType] }, as),
    ],
    ["query", (as: object) => store.graph.searchEntities({ query: "" }, as)],
    ["query", (as: object) => store.graph.searchEntities({ query: "x".repeat(201) }, as)],
    ["limit", (as: object) => store.graph.searchEntities({ query: "x", limit: 101 }, as)],
    ["limit", (as: object) => store.graph.findSimilarEntities({ entityId: uuid, limit: 101 }, as)],
  ])("names the field %s when it is wrong", async (field, call) => {
    expect(await failure(call(home.as))).toMatchObject({ kind: "invalid", fields: [field] });
  });
});

describe("search", () => {
  it("finds what was just written, renamed and deleted, at once and when the index has followed", async () => {
    const own = smallHome(store);
    const id = await own.entity(EntityType.DEVICE, { name: "Blue lamp", room: "cellar" });
    const find = async (query: string) =>
      (await store.graph.searchEntities({ query }, own.as)).hits.map((hit) => [hit.entity?.name, hit.match]);
    for (const settle of [async () => {}, () => store.projector.idle()]) {
      await settle();
      expect(await find("blue lamp")).toEqual([["Blue lamp", MatchKind.EXACT]]);
      expect(await find("cellar")).toEqual([["Blue lamp", MatchKind.CONTENT]]);
    }
    await store.entities.updateEntity({ id, etag: "*", bodyJson: '{"name":"Red lamp"}' }, own.as);
    for (const settle of [async () => {}, () => store.projector.idle()]) {
      await settle();
      expect(await find("red")).toEqual([["Red lamp", MatchKind.PREFIX]]);
      expect(await find("cellar")).toEqual([]);
    }
    await store.entities.deleteEntity({ id, etag: "*" }, own.as);
    for (const settle of [async () => {}, () => store.projector.idle()]) {
      await settle();
      expect(await find("red")).toEqual([]);
    }
  });

  it("highlights the match, filters by type and never shows another household's", async () => {
    const { hits } = await store.graph.searchEntities({ query: "itch", types: [EntityType.ROOM] }, home.as);
    expect(hits.map((hit) => hit.highlight)).toEqual(["K\u0002itch\u0003en"]);
    expect((await store.graph.searchEntities({ query: "kitchen" }, smallHome(store).as)).hits).toEqual([]);
  });

  it("finds similar entities with what they share", async () => {
    const { entities } = await store.graph.findSimilarEntities({ entityId: ids.lamp }, home.as);
    expect(entities.map(({ entity, sharedKeys }) => [entity?.name, sharedKeys])).toEqual([["Switch", ["maker"]]]);
  });
});

describe("statistics and integrity", () => {
  it("count what there is and find nothing wrong", async () => {
    const own = smallHome(store);
    const { lamp } = await own.furnished();
    await store.entities.deleteEntity({ id: lamp, etag: "*" }, own.as);
    const statistics = await store.graph.getStatistics({}, own.as);
    expect(statistics.entities.map(({ type, count }) => [type, count])).toEqual([
      [EntityType.HOME, 1n],
      [EntityType.ROOM, 2n],
      [EntityType.DEVICE, 1n],
      [EntityType.ACCESSORY, 1n],
    ]);
    expect(statistics).toMatchObject({ deletedRecords: 4n, versions: 16n, openConflicts: 0n });
    expect(await store.graph.checkIntegrity({}, own.as)).toMatchObject({ faults: [], checkedRecords: 8n });
    expect(await store.graph.getStatistics({}, smallHome(store).as)).toMatchObject({ versions: 0n, entities: [] });
  });
});
