import { describe, expect, it } from "vitest";
import { memoryGraph, nodeId } from "../../test/memory-graph.ts";
import { ancestors, descendants, walk } from "./graph-walk.ts";

const anyWay = { start: nodeId(1), direction: "both", types: [], maxDepth: 20, limit: 100 } as const;

function distances(found: Awaited<ReturnType<typeof walk>>): [string, number][] {
  return found.reached.map((step) => [step.reached, step.distance]);
}

describe("walk", () => {
  it("reaches each node once at its least distance, and ends in a cycle", async () => {
    const graph = memoryGraph([
      [1, 2],
      [2, 3],
      [3, 1],
      [3, 4],
    ]);
    const found = await walk(graph, { ...anyWay, direction: "out" });
    expect(distances(found)).toEqual([
      [nodeId(2), 1],
      [nodeId(3), 2],
      [nodeId(4), 3],
    ]);
    expect(found.truncated).toBe(false);
  });

  it("follows edges backwards and says so", async () => {
    const found = await walk(
      memoryGraph([
        [2, 1],
        [3, 1],
      ]),
      { ...anyWay, direction: "in" },
    );
    expect(found.reached.map((step) => step.inverse)).toEqual([true, true]);
    expect(await walk(memoryGraph([[2, 1]]), { ...anyWay, direction: "out" })).toEqual({
      reached: [],
      truncated: false,
    });
  });

  it("goes no deeper than asked", async () => {
    const found = await walk(
      memoryGraph([
        [1, 2],
        [2, 3],
        [3, 4],
      ]),
      { ...anyWay, maxDepth: 2 },
    );
    expect(distances(found)).toEqual([
      [nodeId(2), 1],
      [nodeId(3), 2],
    ]);
    expect(found.truncated).toBe(false);
  });

  it("cuts at the limit and says so, but not when the limit is just enough", async () => {
    const graph = memoryGraph([
      [1, 2],
      [1, 3],
      [3, 4],
    ]);
    expect(await walk(graph, { ...anyWay, limit: 2 })).toMatchObject({ truncated: true, reached: { length: 2 } });
    expect(await walk(graph, { ...anyWay, limit: 3 })).toMatchObject({ truncated: false, reached: { length: 3 } });
  });

  it("does not reach the start by a loop", async () => {
    expect(await walk(memoryGraph([[1, 1]]), anyWay)).toEqual({ reached: [], truncated: false });
  });
});

describe("containment", () => {
  const house = memoryGraph([
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 3],
  ]);

  it("lists what an entity is in, nearest first", async () => {
    expect(distances(await ancestors(house, nodeId(4), 100))).toEqual([
      [nodeId(3), 1],
      [nodeId(2), 2],
      [nodeId(1), 3],
    ]);
  });

  it("lists what is in an entity, nearest first", async () => {
    const found = await descendants(house, nodeId(2), 100);
    expect(distances(found)).toEqual([
      [nodeId(3), 1],
      [nodeId(4), 2],
      [nodeId(5), 2],
    ]);
  });
});
