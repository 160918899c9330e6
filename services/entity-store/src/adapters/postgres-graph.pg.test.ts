import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { parseHouseholdId, type RecordId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { SEED_START_US, SeededLog, seedId } from "../../test/seeded-log.ts";
import type { EntityListQuery, GraphSnapshot, RelationshipListQuery } from "../domain/graph-reads.ts";
import { ancestors, descendants, UNLIMITED, walk } from "../domain/graph-walk.ts";
import { shortestPath } from "../domain/shortest-path.ts";
import { PostgresGraph } from "./postgres-graph.ts";

const [home, kitchen, hall, lamp, bulb, lock] = [1, 2, 3, 4, 5, 6].map(seedId) as [
  ReturnType<typeof seedId>,
  ReturnType<typeof seedId>,
  ReturnType<typeof seedId>,
  ReturnType<typeof seedId>,
  ReturnType<typeof seedId>,
  ReturnType<typeof seedId>,
];
const edge = (n: number) => seedId(100 + n);

let database: TestDatabase;
let graph: PostgresGraph;
const log = new SeededLog("h1");
/** Commit times: before the lamp moved, and before the lock and its edge were deleted. */
let beforeMove = 0;
let beforeDelete = 0;

beforeAll(async () => {
  database = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  log.entity(home, "home", { name: "Home" });
  log.entity(kitchen, "room", { name: "Kitchen" });
  log.entity(hall, "room", { name: "Hall" });
  log.entity(lamp, "device", { name: "Lamp", level: 1 });
  log.entity(bulb, "accessory", { name: "Bulb" });
  log.entity(lock, "device", { name: "Lock" });
  log.edge(edge(1), [kitchen, "located_in", home]);
  log.edge(edge(2), [hall, "located_in", home]);
  log.edge(edge(3), [lamp, "located_in", kitchen]);
  log.edge(edge(4), [bulb, "part_of", lamp]);
  log.edge(edge(5), [lock, "controls", lamp], { port: 1 });
  log.edge(edge(6), [lock, "located_in", hall]);
  beforeMove = log.nowUs;
  log.edge(edge(3), [lamp, "located_in", hall]);
  log.entity(lamp, "device", { name: "Äpfel lamp", level: 2 });
  beforeDelete = log.nowUs;
  log.superseded(lamp, "device", { name: "Never head" });
  log.edge(edge(5), [lock, "controls", lamp], null);
  log.edge(edge(6), [lock, "located_in", hall], null);
  log.entity(lock, "device", null);
  await log.write(database);
  graph = new PostgresGraph(database.open({ role: "funkygibbon_app" }));
});

afterAll(() => database?.[Symbol.asyncDispose]());

function at<T>(time: number | undefined, read: (snapshot: GraphSnapshot) => Promise<T>): Promise<T> {
  return graph.snapshot({ household: log.household, at: time }, read);
}

const entitiesQuery: EntityListQuery = {
  types: [],
  sources: [],
  among: undefined,
  nameContains: "",
  after: undefined,
  limit: 100,
};
const edgesQuery: RelationshipListQuery = {
  types: [],
  from: undefined,
  to: undefined,
  entity: undefined,
  after: undefined,
  limit: 100,
};

async function namesAt(time: number | undefined, query: Partial<EntityListQuery> = {}) {
  return at(time, async (snapshot) =>
    (await snapshot.listEntities({ ...entitiesQuery, ...query })).map((row) => row.name),
  );
}

async function edgesAt(time: number | undefined, query: Partial<RelationshipListQuery> = {}) {
  return at(time, async (snapshot) =>
    (await snapshot.listRelationships({ ...edgesQuery, ...query })).map((row) => row.id),
  );
}

describe("entities", () => {
  it("are read as they are now, tombstones included", async () => {
    const found = await at(undefined, (snapshot) => snapshot.entities([lamp, lock, edge(1), seedId(99)]));
    expect([...found.keys()].sort()).toEqual([lamp, lock].sort());
    expect(found.get(lamp)).toMatchObject({
      name: "Äpfel lamp",
      type: "device",
      deleted: false,
      seq: 14,
      author: "ada",
    });
    expect(found.get(lamp)?.createdUs).toBe(SEED_START_US + 4_000_000);
    expect(found.get(lock)).toMatchObject({ deleted: true, bodyJson: "" });
  });

  it("are read as they were at a commit time", async () => {
    const then = await at(beforeMove, (snapshot) => snapshot.entities([lamp, lock]));
    expect(then.get(lamp)).toMatchObject({ name: "Lamp", bodyJson: '{"name":"Lamp","level":1}', seq: 4 });
    expect(then.get(lock)).toMatchObject({ deleted: false });
    expect((await at(SEED_START_US, (snapshot) => snapshot.entities([home]))).size).toBe(0);
  });

  it("do not change with the moment just before a commit, and do with that of the commit", async () => {
    const name = async (time: number) => (await at(time, (snapshot) => snapshot.entities([lamp]))).get(lamp)?.name;
    expect(await name(beforeDelete - 1)).toBe("Lamp");
    expect(await name(beforeDelete)).toBe("Äpfel lamp");
    expect(await name(beforeDelete + 500_000)).toBe("Äpfel lamp");
    expect(await name(Number.MAX_SAFE_INTEGER)).toBe("Äpfel lamp");
  });
});

describe.each([
  ["now", () => undefined, { names: ["Home", "Hall", "Kitchen", "Äpfel lamp", "Bulb"], edges: [1, 2, 3, 4] }],
  [
    "as of before the delete",
    () => beforeDelete,
    { names: ["Home", "Hall", "Kitchen", "Lock", "Äpfel lamp", "Bulb"], edges: [1, 2, 3, 6, 5, 4] },
  ],
  [
    "as of before the move",
    () => beforeMove,
    { names: ["Home", "Hall", "Kitchen", "Lamp", "Lock", "Bulb"], edges: [1, 2, 3, 6, 5, 4] },
  ],
])("lists %s", (_when, time, expected) => {
  it("hold live entities by type, name and id", async () => {
    expect(await namesAt(time())).toEqual(expected.names);
    expect(await at(time(), (snapshot) => snapshot.countEntities(entitiesQuery))).toBe(expected.names.length);
  });

  it("come in pages that continue where the last one ended", async () => {
    const names: string[] = [];
    let after: EntityListQuery["after"];
    do {
      const page = await at(time(), (snapshot) => snapshot.listEntities({ ...entitiesQuery, after, limit: 2 }));
      names.push(...page.map((row) => row.name));
      const last = page.at(-1);
      after = last && { type: last.type, sortName: last.sortName, id: last.id };
    } while (after !== undefined);
    expect(names).toEqual(expected.names);
  });

  it("filter by type, source, name and a set of records", async () => {
    expect(await namesAt(time(), { types: ["room", "home"] })).toEqual(["Home", "Hall", "Kitchen"]);
    expect(await namesAt(time(), { sources: ["homekit"] })).toEqual([]);
    expect(await namesAt(time(), { nameContains: "KIT" })).toEqual(["Kitchen"]);
    expect(await namesAt(time(), { nameContains: "100%" })).toEqual([]);
    expect(await namesAt(time(), { among: [hall, kitchen, hall, seedId(77)] })).toEqual(["Hall", "Kitchen"]);
    expect(await namesAt(time(), { among: [] })).toEqual([]);
    const filters = { ...entitiesQuery, types: ["room"] as EntityType[], among: [hall, kitchen, home] };
    expect(await at(time(), (snapshot) => snapshot.countEntities(filters))).toBe(2);
  });

  it("hold live edges by type and id, from either end", async () => {
    expect(await edgesAt(time())).toEqual(expected.edges.map(edge));
    expect(await at(time(), (snapshot) => snapshot.countRelationships(edgesQuery))).toBe(expected.edges.length);
    expect(await edgesAt(time(), { to: home })).toEqual([edge(1), edge(2)]);
    expect(await edgesAt(time(), { from: hall })).toEqual([edge(2)]);
    expect(await edgesAt(time(), { from: hall, to: kitchen })).toEqual([]);
    expect(await edgesAt(time(), { entity: bulb })).toEqual([edge(4)]);
    expect(await edgesAt(time(), { entity: home, types: ["part_of"] })).toEqual([]);
    expect(await edgesAt(time(), { limit: 1, after: { type: "located_in", id: edge(1) } })).toEqual([edge(2)]);
  });
});

describe("an edge that moved", () => {
  it("is found at its old end then and at its new end now", async () => {
    expect(await edgesAt(beforeMove, { to: kitchen })).toEqual([edge(3)]);
    expect(await edgesAt(beforeDelete, { to: kitchen })).toEqual([]);
    expect(await edgesAt(undefined, { to: hall })).toEqual([edge(3)]);
    expect(await edgesAt(beforeMove, { entity: hall })).toEqual([edge(2), edge(6)]);
  });
});

describe("walks", () => {
  const reachedAt = (time: number | undefined, start: typeof home) =>
    at(time, async (snapshot) =>
      (await descendants(snapshot, start, UNLIMITED)).reached.map((step) => [step.reached, step.distance]),
    );

  it("find what is in a home, now and then", async () => {
    expect(await reachedAt(undefined, home)).toEqual([
      [hall, 1],
      [kitchen, 1],
      [lamp, 2],
      [bulb, 3],
    ]);
    expect(await reachedAt(undefined, kitchen)).toEqual([]);
    expect(await reachedAt(beforeMove, kitchen)).toEqual([
      [lamp, 1],
      [bulb, 2],
    ]);
    expect(await reachedAt(beforeDelete, hall)).toEqual([
      [lock, 1],
      [lamp, 1],
      [bulb, 2],
    ]);
  });

  it("find what a thing is in, nearest first", async () => {
    const up = (time: number | undefined) =>
      at(time, async (snapshot) => (await ancestors(snapshot, bulb, UNLIMITED)).reached.map((step) => step.reached));
    expect(await up(undefined)).toEqual([lamp, hall, home]);
    expect(await up(beforeMove)).toEqual([lamp, kitchen, home]);
  });

  it("follow edges of some types in one direction, and stop at the limit", async () => {
    const query = { start: lock, direction: "out", types: [], maxDepth: 5, limit: 10 } as const;
    const reached = (more: object) =>
      at(beforeMove, async (snapshot) => {
        const found = await walk(snapshot, { ...query, ...more });
        return [found.reached.map((step) => step.reached), found.truncated];
      });
    expect(await reached({})).toEqual([[hall, lamp, home, kitchen], false]);
    expect(await reached({ types: ["controls"] })).toEqual([[lamp], false]);
    expect(await reached({ types: ["controls"], direction: "in" })).toEqual([[], false]);
    expect(await reached({ limit: 3 })).toEqual([[hall, lamp, home], true]);
  });

  it("find a shortest path through the graph of that time", async () => {
    const query = { from: bulb, to: home, types: [], directed: true, maxDepth: 10 } as const;
    const via = (time: number | undefined) =>
      at(time, async (snapshot) => (await shortestPath(snapshot, query))?.steps.map((step) => step.reached));
    expect(await via(undefined)).toEqual([lamp, hall, home]);
    expect(await via(beforeMove)).toEqual([lamp, kitchen, home]);
    expect(
      await at(undefined, (snapshot) => shortestPath(snapshot, { ...query, from: home, to: bulb })),
    ).toBeUndefined();
  });

  it("tell what is in a node, at its least distance", async () => {
    const inside = (time: number | undefined, entity: RecordId) =>
      at(time, async (snapshot) => {
        const found = await snapshot.contained({ entity, types: ["located_in", "part_of"], maxDistance: 9 });
        return Object.fromEntries(found.map(({ id, distance }) => [id, distance]));
      });
    expect(await inside(undefined, hall)).toEqual({ [lamp]: 1, [bulb]: 2 });
    expect(await inside(beforeMove, hall)).toEqual({ [lock]: 1 });
    expect(await inside(beforeMove, kitchen)).toEqual({ [lamp]: 1, [bulb]: 2 });
    expect(await inside(undefined, home)).toEqual({ [hall]: 1, [kitchen]: 1, [lamp]: 2, [bulb]: 3 });
    expect(await inside(undefined, bulb)).toEqual({});
  });

  it("tell what is around some nodes, each once, or only the goals among it", async () => {
    const around = (time: number | undefined, goals: readonly RecordId[]) =>
      at(time, async (snapshot) => {
        const query = { frontier: [lamp, lock], direction: "both", types: [], exclude: new Set([lamp, lock]) } as const;
        const steps = await snapshot.around({ ...query, goals });
        return steps.map((step) => step.reached).sort();
      });
    expect(await around(undefined, [])).toEqual([hall, bulb]);
    expect(await around(beforeMove, [])).toEqual([kitchen, hall, bulb]);
    expect(await around(beforeMove, [home])).toEqual([kitchen, hall, bulb]);
    expect(await around(beforeMove, [hall, home])).toEqual([hall]);
  });

  it("show the neighbours by relationship type and name, with the edges among some entities", async () => {
    const query = { entity: lamp, direction: "both", types: [], entityTypes: [], limit: 10 } as const;
    const around = (time: number | undefined, more: object = {}) =>
      at(time, async (snapshot) =>
        (await snapshot.neighbours({ ...query, ...more })).map((step) => [
          step.relationship.id,
          step.entity.id,
          step.inverse,
        ]),
      );
    expect(await around(undefined)).toEqual([
      [edge(3), hall, false],
      [edge(4), bulb, true],
    ]);
    expect(await around(beforeMove)).toEqual([
      [edge(3), kitchen, false],
      [edge(5), lock, true],
      [edge(4), bulb, true],
    ]);
    expect(await around(beforeMove, { direction: "in", entityTypes: ["device"] })).toEqual([[edge(5), lock, true]]);
    expect(await around(beforeMove, { limit: 1 })).toHaveLength(1);
    const among = (time: number | undefined) =>
      at(time, async (snapshot) => (await snapshot.edgesAmong([hall, lamp, lock])).map((row) => row.id));
    expect(await among(undefined)).toEqual([edge(3)]);
    expect(await among(beforeDelete)).toEqual([edge(3), edge(6), edge(5)]);
  });
});

describe("another household", () => {
  it("sees nothing, whatever it asks for", async () => {
    const other = { household: parseHouseholdId("h2"), at: undefined };
    await graph.snapshot(other, async (snapshot) => {
      expect((await snapshot.entities([home, lamp])).size).toBe(0);
      expect(await snapshot.listEntities(entitiesQuery)).toEqual([]);
      expect(await snapshot.edgesAmong([home, kitchen])).toEqual([]);
    });
    await graph.snapshot({ ...other, at: beforeMove }, async (snapshot) => {
      expect((await snapshot.entities([home])).size).toBe(0);
    });
  });
});
