import type { GraphView } from "./graph-view.ts";

/** After opening, what an app shows first comes first. */
const FIRST_DELAY_MS = 200;
/** Short enough for a page to stay smooth. */
const PIECE_MS = 5;
const PAUSE_MS = 10;

/**
 * Makes the first search as quick as the others, piece by piece while others work too. What cannot be read is told by the
 * search that needs it. @param later as setTimeout.
 */
export function prepareSearch(graph: GraphView, later: (work: () => void, delayMs: number) => void): void {
  const goOn = () => {
    if (!isPrepared(graph)) later(goOn, PAUSE_MS);
  };
  later(goOn, FIRST_DELAY_MS);
}

function isPrepared(graph: GraphView): boolean {
  try {
    return graph.prepareSearch(PIECE_MS);
  } catch {
    return true;
  }
}
