import type { RecordId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";

/** Which paths count. */
export interface PathOptions {
  /** Default: all. */
  readonly types?: readonly RelationshipType[];
  /** Follow edges only from `from` to `to`; default both ways. */
  readonly directed?: boolean;
  /** Default 10. */
  readonly maxDepth?: number;
}

/** One edge of a path. */
export interface PathStep {
  readonly edge: RecordId;
  readonly reached: RecordId;
  /** The edge was followed from `to` to `from`. */
  readonly inverse: boolean;
}

/** An edge as the search follows it. */
export interface PathEdge extends PathStep {
  readonly relationship: { readonly type: RelationshipType };
}

const DEFAULT_MAX_DEPTH = 10;

/** Half of a search: what it has reached, and over which edge from where. */
interface Side {
  readonly cameBy: Map<RecordId, (PathStep & { readonly start: RecordId }) | undefined>;
  /** Which way edges are followed; undefined: both. */
  readonly inverse: boolean | undefined;
  frontier: readonly RecordId[];
}

/**
 * A shortest path, searched from both ends, whole levels at a time and the smaller one first. Among equals the one that
 * meets at the least id, so that equal questions have equal answers.
 */
export function shortestPath(
  edgesAt: (id: RecordId) => Iterable<PathEdge>,
  query: PathOptions & { readonly from: RecordId; readonly to: RecordId },
): PathStep[] | undefined {
  const { from, to, types, directed = false, maxDepth = DEFAULT_MAX_DEPTH } = query;
  if (from === to) return [];
  const forwards: Side = {
    cameBy: new Map([[from, undefined]]),
    inverse: directed ? false : undefined,
    frontier: [from],
  };
  const backwards: Side = { cameBy: new Map([[to, undefined]]), inverse: directed ? true : undefined, frontier: [to] };
  for (let depth = 0; depth < maxDepth; depth++) {
    const nearer = forwards.frontier.length <= backwards.frontier.length ? forwards : backwards;
    const other = nearer === forwards ? backwards : forwards;
    advance(edgesAt, nearer, types);
    const meeting = nearer.frontier.filter((id) => other.cameBy.has(id)).sort()[0];
    if (meeting !== undefined) return [...leadingTo(meeting, forwards), ...leadingFrom(meeting, backwards)];
    if (nearer.frontier.length === 0) return undefined;
  }
  return undefined;
}

function advance(
  edgesAt: (id: RecordId) => Iterable<PathEdge>,
  side: Side,
  types: readonly RelationshipType[] | undefined,
): void {
  const next: RecordId[] = [];
  for (const start of [...side.frontier].sort()) {
    for (const { edge, reached, inverse, relationship } of edgesAt(start)) {
      if (side.cameBy.has(reached) || (side.inverse !== undefined && side.inverse !== inverse)) continue;
      if (types !== undefined && !types.includes(relationship.type)) continue;
      side.cameBy.set(reached, { edge, reached, inverse, start });
      next.push(reached);
    }
  }
  side.frontier = next;
}

function leadingTo(node: RecordId, forwards: Side): PathStep[] {
  const steps: PathStep[] = [];
  for (let step = forwards.cameBy.get(node); step !== undefined; step = forwards.cameBy.get(step.start)) {
    steps.push({ edge: step.edge, reached: step.reached, inverse: step.inverse });
  }
  return steps.reverse();
}

/** The steps of the search from the end, turned round. */
function leadingFrom(node: RecordId, backwards: Side): PathStep[] {
  const steps: PathStep[] = [];
  for (let step = backwards.cameBy.get(node); step !== undefined; step = backwards.cameBy.get(step.start)) {
    steps.push({ edge: step.edge, reached: step.start, inverse: !step.inverse });
  }
  return steps;
}
