import type { RecordId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Direction, GraphSnapshot, Step } from "./graph-reads.ts";
import { UNLIMITED } from "./graph-walk.ts";

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

/** Half of a search from both ends: what it has reached, and by which step. */
interface Side {
  readonly direction: Direction;
  readonly cameBy: Map<RecordId, Step | undefined>;
  frontier: readonly RecordId[];
}

/**
 * A shortest path, as steps from start to end: empty when they are the same, undefined when there is none within
 * `maxDepth`. Searches from both ends, whole levels at a time and the smaller one first, so that a path of length n
 * costs two searches of depth n/2. As no level had met before, any node in which the newest level meets the other side
 * lies on a shortest path; the least id is taken, so equal questions have equal answers.
 */
export async function shortestPath(
  snapshot: Pick<GraphSnapshot, "expand">,
  query: PathQuery,
): Promise<readonly Step[] | undefined> {
  if (query.from === query.to) return [];
  const forwards = side(query.from, query.directed ? "out" : "both");
  const backwards = side(query.to, query.directed ? "in" : "both");
  for (let depth = 0; depth < query.maxDepth; depth++) {
    const nearer = forwards.frontier.length <= backwards.frontier.length ? forwards : backwards;
    const other = nearer === forwards ? backwards : forwards;
    await advance(snapshot, nearer, query.types);
    if (nearer.frontier.length === 0) return undefined;
    const meeting = nearer.frontier.filter((node) => other.cameBy.has(node)).sort()[0];
    if (meeting !== undefined) return [...leadingTo(meeting, forwards), ...leadingFrom(meeting, backwards)];
  }
  return undefined;
}

function side(start: RecordId, direction: Direction): Side {
  return { direction, cameBy: new Map([[start, undefined]]), frontier: [start] };
}

async function advance(snapshot: Pick<GraphSnapshot, "expand">, side: Side, types: readonly RelationshipType[]) {
  const steps = await snapshot.expand({
    frontier: side.frontier,
    direction: side.direction,
    types,
    exclude: [...side.cameBy.keys()],
    limit: UNLIMITED,
  });
  for (const step of steps) side.cameBy.set(step.reached, step);
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
