import type { EntityView } from "@funkygibbon/client/graph-view";
import { fold, normalizeQuery, wordsOf } from "@funkygibbon/kernel/search-text";
import { nameSimilarity } from "@funkygibbon/kernel/text-similarity";

/** Names less alike than this have little to do with each other. */
const MIN_SIMILARITY = 0.45;

/** Whether two names are the same to a person: whatever the case, the accents and the spaces. */
export function sameName(a: string, b: string): boolean {
  const name = normalizeQuery(a);
  return name !== "" && name === normalizeQuery(b);
}

/** Those whose names come closest to what was typed, best first. */
export function nearestNames(typed: string, entities: readonly EntityView[]): readonly EntityView[] {
  const query = wordsOf(normalizeQuery(typed));
  return entities
    .map((entity) => ({ entity, ...nameSimilarity(query, wordsOf(fold(entity.name))) }))
    .filter(({ similarity }) => similarity >= MIN_SIMILARITY)
    .sort((a, b) => b.similarity - a.similarity)
    .map(({ entity }) => entity);
}
