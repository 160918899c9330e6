import { parseDeviceId, parseRecordId, parseUserId, type RecordId } from "@funkygibbon/kernel/ids";
import { formatVersion } from "@funkygibbon/kernel/version";
import type {
  AroundQuery,
  EntityView,
  ExpandQuery,
  GraphSnapshot,
  Step,
  StepQuery,
} from "../src/domain/graph-reads.ts";

/** The id of node `n`: ids order as their numbers do. */
export function nodeId(n: number): RecordId {
  return parseRecordId(`00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
}

/**
 * A graph of numbered nodes in memory, every edge a `depends_on`; names order as ids do. Edges to dead nodes are there as
 * if I11 were broken.
 */
export function memoryGraph(
  edges: readonly (readonly [from: number, to: number])[],
  dead: readonly number[] = [],
): Pick<GraphSnapshot, "around" | "expand" | "entities"> & {
  /** How often a level was asked for. */
  readonly queries: number;
} {
  const stored = edges.map(([from, to], index) => ({
    id: parseRecordId(`00000000-0000-4000-9000-${String(index).padStart(12, "0")}`),
    from: nodeId(from),
    to: nodeId(to),
  }));
  const gone = new Set(dead.map(nodeId));
  let queries = 0;

  function surroundings({ frontier, direction }: StepQuery, exclude: AroundQuery["exclude"]): Step[] {
    queries++;
    const found = new Map<RecordId, Step>();
    for (const edge of stored) {
      const ways = [
        { start: edge.from, reached: edge.to, inverse: false },
        { start: edge.to, reached: edge.from, inverse: true },
      ].filter(({ inverse }) => direction === "both" || inverse === (direction === "in"));
      for (const way of ways) {
        if (!frontier.includes(way.start) || exclude.has(way.reached) || found.has(way.reached)) continue;
        found.set(way.reached, { ...way, relationship: edge.id });
      }
    }
    return [...found.values()];
  }

  return {
    get queries() {
      return queries;
    },
    async around({ exclude, goals, ...query }: AroundQuery) {
      const found = surroundings(query, exclude);
      const reaching = found.filter((step) => goals.includes(step.reached));
      return reaching.length > 0 ? reaching : found;
    },
    async expand({ exclude, limit, ...query }: ExpandQuery) {
      const found = surroundings(query, new Set(exclude)).filter((step) => !gone.has(step.reached));
      return found.sort((a, b) => (a.reached < b.reached ? -1 : 1)).slice(0, limit);
    },
    async entities(ids: readonly RecordId[]) {
      return new Map(ids.map((id) => [id, entityView(id, gone.has(id))]));
    },
  };
}

const version = formatVersion(0, parseDeviceId("memory"), 1);

function entityView(id: RecordId, deleted: boolean): EntityView {
  return {
    kind: "entity",
    type: "device",
    id,
    name: id,
    sortName: id,
    source: "manual",
    bodyJson: deleted ? "" : "{}",
    version,
    seq: 1,
    author: parseUserId("ada"),
    committedUs: 0,
    createdUs: 0,
    deleted,
    bodyRemoved: false,
  };
}
