import type { RecordId } from "@funkygibbon/kernel/ids";

/** A broken promise of the store about its own data. */
export interface IntegrityFault {
  readonly reason: "DEAD_ENDPOINT" | "CYCLE" | "HEAD_MISMATCH" | "CLOCK_BEHIND" | "DIGEST_MISMATCH" | "SEQ_GAP";
  /** Undefined when it is no record in particular. */
  readonly record: RecordId | undefined;
  readonly message: string;
}

/** An edge of a kind that must form a tree. */
export interface TreeEdge {
  readonly id: RecordId;
  readonly from: RecordId;
  readonly to: RecordId;
}

/**
 * The edges that lie on a cycle or lead from one cycle to another, in the order given; empty for a forest. Takes away
 * nodes without an outgoing edge, then nodes without an incoming one, until only cycles and what joins them remain
 * (Kahn's algorithm from both ends): linear, and without recursion on a graph of any depth.
 */
export function cyclicEdges(edges: readonly TreeEdge[]): TreeEdge[] {
  const withoutLeaves = peel(
    edges,
    (edge) => edge.from,
    (edge) => edge.to,
  );
  return peel(
    withoutLeaves,
    (edge) => edge.to,
    (edge) => edge.from,
  );
}

/** Drops the edges that end in a node from which no edge starts, again and again. */
function peel(
  edges: readonly TreeEdge[],
  start: (edge: TreeEdge) => RecordId,
  end: (edge: TreeEdge) => RecordId,
): TreeEdge[] {
  const outgoing = new Map<RecordId, number>();
  const incoming = new Map<RecordId, TreeEdge[]>();
  for (const edge of edges) {
    outgoing.set(start(edge), (outgoing.get(start(edge)) ?? 0) + 1);
    const arriving = incoming.get(end(edge));
    if (arriving === undefined) incoming.set(end(edge), [edge]);
    else arriving.push(edge);
  }
  const dropped = new Set<TreeEdge>();
  const ends = [...incoming.keys()].filter((node) => !outgoing.has(node));
  for (let node = ends.pop(); node !== undefined; node = ends.pop()) {
    for (const edge of incoming.get(node) ?? []) {
      dropped.add(edge);
      const left = (outgoing.get(start(edge)) ?? 0) - 1;
      outgoing.set(start(edge), left);
      if (left === 0) ends.push(start(edge));
    }
  }
  return edges.filter((edge) => !dropped.has(edge));
}
