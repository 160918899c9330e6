import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import type { ExpandQuery, GraphSnapshot, Step } from "../src/domain/graph-reads.ts";

/** The id of node `n`: ids order as their numbers do. */
export function nodeId(n: number): RecordId {
  return parseRecordId(`00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
}

/** A graph of numbered nodes in memory, every edge a `depends_on`; names order as ids do. */
export function memoryGraph(edges: readonly (readonly [from: number, to: number])[]): Pick<GraphSnapshot, "expand"> & {
  /** How often a level was asked for. */
  readonly queries: number;
} {
  const stored = edges.map(([from, to], index) => ({
    id: parseRecordId(`00000000-0000-4000-9000-${String(index).padStart(12, "0")}`),
    from: nodeId(from),
    to: nodeId(to),
  }));
  let queries = 0;
  return {
    get queries() {
      return queries;
    },
    async expand({ frontier, direction, exclude, limit }: ExpandQuery) {
      queries++;
      const known = new Set(exclude);
      const found = new Map<RecordId, Step>();
      for (const edge of stored) {
        const ways = [
          { start: edge.from, reached: edge.to, inverse: false },
          { start: edge.to, reached: edge.from, inverse: true },
        ].filter(({ inverse }) => direction === "both" || inverse === (direction === "in"));
        for (const way of ways) {
          if (!frontier.includes(way.start) || known.has(way.reached) || found.has(way.reached)) continue;
          found.set(way.reached, { ...way, relationship: edge.id });
        }
      }
      return [...found.values()].sort((a, b) => (a.reached < b.reached ? -1 : 1)).slice(0, limit);
    },
  };
}
