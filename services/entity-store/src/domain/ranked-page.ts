import type { RecordId } from "@funkygibbon/kernel/ids";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { EntityView } from "./graph-reads.ts";
import type { PagePosition } from "./page-token.ts";

/** An answer with its rank. */
export interface Ranked {
  readonly entity: Pick<EntityView, "name" | "id">;
  /** Higher is better. */
  readonly score: number;
}

/** How many answers are ranked once somebody asks for more than a first page. */
const MOST_RANKED = 1_000;

/** Orders by rank, best first; equal scores by name and id. */
export function byRank(a: Ranked, b: Ranked): number {
  return b.score - a.score || compareUtf8(beginningOf(a), beginningOf(b)) || compareUtf8(a.entity.id, b.entity.id);
}

/** As much of a name as orders answers, and fits into a page token. */
function beginningOf({ entity }: Ranked): string {
  return entity.name.slice(0, 256);
}

/**
 * A page of answers that are ranked by looking at candidates, of which there are the more, the more answers are wanted
 * (`rank`, in the order of {@link byRank}). A first page looks at few. A later one looks at all, among which may be better
 * ones than the first page had: it tells them too, and leaves out what the first page told.
 */
export async function rankedPage<Answer extends Ranked>(
  { after, limit }: { readonly after: PagePosition | undefined; readonly limit: number },
  rank: (wanted: number) => Promise<readonly Answer[]>,
): Promise<{ readonly answers: readonly Answer[]; readonly next: PagePosition | undefined }> {
  if (after === undefined) {
    const answers = await rank(limit);
    return { answers: answers.slice(0, limit), next: answers.length > limit ? [limit] : undefined };
  }
  const [first, ...position] = after;
  const told = new Set((await rank(Number(first))).slice(0, Number(first)).map(({ entity }) => entity.id));
  const all = await rank(MOST_RANKED);
  const rest = all.filter((answer) => !told.has(answer.entity.id) && isAfter(answer, position));
  const answers = rest.slice(0, limit);
  const last = rest.length > limit ? answers.at(-1) : undefined;
  return { answers, next: last && [Number(first), last.score, beginningOf(last), last.entity.id] };
}

/** Whether an answer comes after the last one of a page; a second page starts from the beginning. */
function isAfter(answer: Ranked, [score, name, id]: PagePosition): boolean {
  if (score === undefined) return true;
  const last = { score: Number(score), entity: { name: String(name), id: id as RecordId } };
  return byRank(answer, last) > 0;
}
