import { describe, expect, it } from "vitest";
import { nodeId } from "../../test/memory-graph.ts";
import { cyclicEdges, type TreeEdge } from "./integrity.ts";

function edges(...pairs: [number, number][]): TreeEdge[] {
  return pairs.map(([from, to], index) => ({ id: nodeId(100 + index), from: nodeId(from), to: nodeId(to) }));
}

describe("cyclicEdges", () => {
  it("finds nothing in a forest", () => {
    expect(cyclicEdges(edges([1, 2], [3, 2], [2, 4], [5, 6]))).toEqual([]);
  });

  it("names the edges of a cycle and not those that lead to or from it", () => {
    const found = cyclicEdges(edges([9, 1], [1, 2], [2, 3], [3, 1], [3, 8]));
    expect(found.map((edge) => [edge.from, edge.to])).toEqual([
      [nodeId(1), nodeId(2)],
      [nodeId(2), nodeId(3)],
      [nodeId(3), nodeId(1)],
    ]);
  });

  it("names an edge from a node to itself", () => {
    expect(cyclicEdges(edges([1, 1], [1, 2]))).toHaveLength(1);
  });

  it("goes through a chain of 100,000 without running out of stack", () => {
    const chain = Array.from({ length: 100_000 }, (_, node): [number, number] => [node, node + 1]);
    expect(cyclicEdges(edges(...chain))).toEqual([]);
    expect(cyclicEdges([...edges(...chain), ...edges([100_000, 0])])).toHaveLength(100_001);
  });
});
