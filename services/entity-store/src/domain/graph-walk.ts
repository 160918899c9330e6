import type { RecordId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Direction, GraphSnapshot, Step } from "./graph-reads.ts";

/** An entity as a walk reached it. */
export interface Reached extends Step {
  /** Steps from the start; 1: a neighbour. */
  readonly distance: number;
}

/** What a walk found. */
export interface Walk {
  /** By distance, then name and id; without the start. */
  readonly reached: readonly Reached[];
  /** The limit cut the walk. */
  readonly truncated: boolean;
}

/** How far and where to a walk goes. */
export interface WalkQuery {
  readonly start: RecordId;
  readonly direction: Direction;
  /** Empty: all. */
  readonly types: readonly RelationshipType[];
  readonly maxDepth: number;
  readonly limit: number;
}

/** The relationships that say "belongs to": what is located in or part of something. */
export const CONTAINMENT: readonly RelationshipType[] = ["located_in", "part_of"];

/** No limit at all. */
export const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** More levels than any home has; containment has no cycles, and a walk visits each node once anyway. */
export const MAX_CONTAINMENT_DEPTH = 1_000;

/**
 * Walks breadth first, one query for each level, each entity once at its least distance. Cycles end by themselves: a
 * level holds only nodes that no earlier one held.
 */
export async function walk(snapshot: Pick<GraphSnapshot, "expand">, query: WalkQuery): Promise<Walk> {
  const visited = [query.start];
  const reached: Reached[] = [];
  let frontier = [query.start];
  for (let distance = 1; distance <= query.maxDepth && frontier.length > 0; distance++) {
    const room = query.limit - reached.length;
    const steps = await snapshot.expand({
      frontier,
      direction: query.direction,
      types: query.types,
      exclude: visited,
      limit: room + 1,
    });
    const kept = steps.slice(0, room);
    for (const step of kept) reached.push({ ...step, distance });
    if (steps.length > room) return { reached, truncated: true };
    frontier = kept.map((step) => step.reached);
    for (const node of frontier) visited.push(node);
  }
  return { reached, truncated: false };
}

/** What is located in or part of an entity, directly or through others, nearest first. */
export function descendants(snapshot: Pick<GraphSnapshot, "expand">, start: RecordId, limit: number): Promise<Walk> {
  return walk(snapshot, { start, direction: "in", types: CONTAINMENT, maxDepth: MAX_CONTAINMENT_DEPTH, limit });
}

/** What an entity is located in or part of, nearest first. */
export function ancestors(snapshot: Pick<GraphSnapshot, "expand">, start: RecordId, limit: number): Promise<Walk> {
  return walk(snapshot, { start, direction: "out", types: CONTAINMENT, maxDepth: MAX_CONTAINMENT_DEPTH, limit });
}
