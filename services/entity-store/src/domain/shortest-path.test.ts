import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryGraph, nodeId } from "../../test/memory-graph.ts";
import { type PathQuery, shortestPath } from "./shortest-path.ts";

type Edges = readonly (readonly [number, number])[];

function query(from: number, to: number, more: Partial<PathQuery> = {}): PathQuery {
  return { from: nodeId(from), to: nodeId(to), types: [], directed: false, maxDepth: 20, ...more };
}

/** The length of a shortest path, the simple way. */
function distance(edges: Edges, from: number, to: number, directed: boolean): number | undefined {
  let level = new Set([from]);
  const seen = new Set([from]);
  for (let steps = 0; level.size > 0; steps++) {
    if (level.has(to)) return steps;
    const next = new Set<number>();
    for (const [a, b] of edges) {
      if (level.has(a) && !seen.has(b)) next.add(b);
      if (!directed && level.has(b) && !seen.has(a)) next.add(a);
    }
    for (const node of next) seen.add(node);
    level = next;
  }
  return undefined;
}

async function stepsOf(graph: Parameters<typeof shortestPath>[0], asked: PathQuery) {
  return (await shortestPath(graph, asked))?.steps;
}

describe("shortestPath", () => {
  it("is empty from a node to itself", async () => {
    expect(await stepsOf(memoryGraph([]), query(1, 1))).toEqual([]);
  });

  it("tells which edges are followed backwards", async () => {
    const path = await stepsOf(
      memoryGraph([
        [1, 2],
        [3, 2],
        [3, 4],
      ]),
      query(1, 4),
    );
    expect(path?.map(({ start, reached, inverse }) => [start, reached, inverse])).toEqual([
      [nodeId(1), nodeId(2), false],
      [nodeId(2), nodeId(3), true],
      [nodeId(3), nodeId(4), false],
    ]);
  });

  it("follows only the direction of edges when asked to", async () => {
    const graph = memoryGraph([
      [1, 2],
      [3, 2],
    ]);
    expect(await stepsOf(graph, query(1, 3))).toHaveLength(2);
    expect(await stepsOf(graph, query(1, 3, { directed: true }))).toBeUndefined();
  });

  it("finds nothing beyond the depth and ends in cycles", async () => {
    const ring: Edges = [
      [1, 2],
      [2, 3],
      [3, 1],
      [3, 4],
      [4, 5],
    ];
    expect(await stepsOf(memoryGraph(ring), query(1, 5, { maxDepth: 3 }))).toHaveLength(3);
    expect(await stepsOf(memoryGraph(ring), query(1, 5, { maxDepth: 2 }))).toBeUndefined();
    expect(await stepsOf(memoryGraph(ring), query(1, 9))).toBeUndefined();
  });

  it("searches from both ends, so a hub at one end is not unfolded", async () => {
    const hub: Edges = Array.from({ length: 50 }, (_, leaf) => [1, leaf + 2] as const);
    const graph = memoryGraph([...hub, [51, 60], [60, 61]]);
    expect(await stepsOf(graph, query(61, 1))).toHaveLength(3);
    expect(graph.queries).toBe(3);
  });

  it("brings the nodes that it reaches", async () => {
    const edges: Edges = [
      [1, 2],
      [2, 3],
    ];
    const path = await shortestPath(memoryGraph(edges), query(1, 3));
    expect([...(path?.nodes.keys() ?? [])]).toEqual([nodeId(2), nodeId(3)]);
  });

  it("goes round dead nodes, should an edge lead to one", async () => {
    const edges: Edges = [
      [1, 2],
      [2, 5],
      [1, 3],
      [3, 4],
      [4, 5],
    ];
    const reached = async (dead: number[]) =>
      (await stepsOf(memoryGraph(edges, dead), query(1, 5)))?.map((step) => step.reached);
    expect(await reached([])).toEqual([nodeId(2), nodeId(5)]);
    expect(await reached([2])).toEqual([nodeId(3), nodeId(4), nodeId(5)]);
    expect(await reached([2, 4])).toBeUndefined();
  });

  it("is a real path of the least length in any graph", async () => {
    const nodes = fc.integer({ min: 1, max: 9 });
    const graphs = fc.array(fc.tuple(nodes, nodes), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(graphs, nodes, nodes, fc.boolean(), async (edges, from, to, directed) => {
        const path = await stepsOf(memoryGraph(edges), query(from, to, { directed }));
        expect(path?.length).toBe(distance(edges, from, to, directed));
        let at = nodeId(from);
        for (const step of path ?? []) {
          expect(step.start).toBe(at);
          const [a, b] = step.inverse ? [step.reached, step.start] : [step.start, step.reached];
          expect(edges.some(([x, y]) => nodeId(x) === a && nodeId(y) === b)).toBe(true);
          at = step.reached;
        }
        if (path !== undefined) expect(at).toBe(nodeId(to));
      }),
      { numRuns: 500 },
    );
  });
});
