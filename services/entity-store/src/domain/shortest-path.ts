import type { RecordId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { AroundQuery, Direction, EntityView, GraphSnapshot, Step } from "./graph-reads.ts";

/** Asks for a shortest path. */
export interface PathQuery {
  readonly from: RecordId;
  readonly to: RecordId;
  /** Empty: all. */
  readonly types: readonly RelationshipType[];
  /** Follow edges only from `from` to `to`. */
  readonly directed: boolean;
  readonly maxDepth: number;
}

/** A way through the graph. */
export interface Path {
  /** From start to end; empty when they are the same. */
  readonly steps: readonly Step[];
  /** The nodes that the steps reach. */
  readonly nodes: ReadonlyMap<RecordId, EntityView>;
}

type PathGraph = Pick<GraphSnapshot, "around" | "entities">;

/**
 * A shortest path; undefined when there is none within `maxDepth`. Equal questions have equal answers. Only the nodes of
 * the path are read: there are no edges to dead nodes (I11), and should there be one, the search starts again without it.
 */
export async function shortestPath(graph: PathGraph, query: PathQuery): Promise<Path | undefined> {
  const dead = new Set<RecordId>();
  for (;;) {
    const steps = await search(graph, query, dead);
    if (steps === undefined) return undefined;
    const nodes = await graph.entities(steps.map((step) => step.reached));
    const gone = steps.filter((step) => nodes.get(step.reached)?.deleted !== false);
    if (gone.length === 0) return { steps, nodes };
    for (const step of gone) dead.add(step.reached);
  }
}

/** Half of a search from both ends: what it has reached, and by which step. */
interface Side {
  readonly direction: Direction;
  readonly cameBy: Map<RecordId, Step | undefined>;
  frontier: readonly RecordId[];
}

/**
 * Searches from both ends, whole levels at a time and the smaller one first, so that a path of length n costs two
 * searches of depth n/2. As no level had met before, any node in which the newest level meets the other side lies on a
 * shortest path; the least id is taken.
 */
async function search(graph: PathGraph, query: PathQuery, dead: ReadonlySet<RecordId>): Promise<Step[] | undefined> {
  if (query.from === query.to) return [];
  const forwards = side(query.from, query.directed ? "out" : "both");
  const backwards = side(query.to, query.directed ? "in" : "both");
  for (let depth = 0; depth < query.maxDepth; depth++) {
    const nearer = forwards.frontier.length <= backwards.frontier.length ? forwards : backwards;
    const other = nearer === forwards ? backwards : forwards;
    await advance(graph, nearer, { types: query.types, goals: other.frontier, dead });
    if (nearer.frontier.length === 0) return undefined;
    const meeting = nearer.frontier.filter((node) => other.cameBy.has(node)).sort()[0];
    if (meeting !== undefined) return [...leadingTo(meeting, forwards), ...leadingFrom(meeting, backwards)];
  }
  return undefined;
}

function side(start: RecordId, direction: Direction): Side {
  return { direction, cameBy: new Map([[start, undefined]]), frontier: [start] };
}

async function advance(
  graph: PathGraph,
  side: Side,
  { types, goals, dead }: Pick<AroundQuery, "types" | "goals"> & { readonly dead: ReadonlySet<RecordId> },
): Promise<void> {
  const { frontier, direction, cameBy } = side;
  const exclude = { has: (node: RecordId) => cameBy.has(node) || dead.has(node) };
  const steps = await graph.around({ frontier, direction, types, exclude, goals });
  for (const step of steps) cameBy.set(step.reached, step);
  side.frontier = steps.map((step) => step.reached);
}

function leadingTo(node: RecordId, forwards: Side): Step[] {
  const steps: Step[] = [];
  for (let step = forwards.cameBy.get(node); step !== undefined; step = forwards.cameBy.get(step.start))
    steps.push(step);
  return steps.reverse();
}

/** The steps of the search from the end, turned round. */
function leadingFrom(node: RecordId, backwards: Side): Step[] {
  const steps: Step[] = [];
  for (let step = backwards.cameBy.get(node); step !== undefined; step = backwards.cameBy.get(step.start)) {
    steps.push({ ...step, start: step.reached, reached: step.start, inverse: !step.inverse });
  }
  return steps;
}
