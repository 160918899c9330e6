import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { Match, QueryMatcher } from "@funkygibbon/kernel/search-match";
import type { EntityView } from "./graph-reads.ts";
import { byRank, type Ranked } from "./ranked-page.ts";
import { areAlike, type Similarity, similarity } from "./similarity.ts";

/** An entity that answers a query. */
export interface SearchHit extends Ranked {
  readonly entity: EntityView;
  readonly match: Match;
}

/** An entity like another one. */
export interface SimilarHit extends Ranked {
  readonly entity: EntityView;
  readonly similarity: Similarity;
}

/** The candidates that answer the query, best first. */
export function rankHits(matcher: QueryMatcher, candidates: readonly EntityView[]): SearchHit[] {
  const hits: SearchHit[] = [];
  for (const entity of candidates) {
    const match = matcher.match(bodyOf(entity));
    if (match !== undefined) hits.push({ entity, match, score: match.score });
  }
  return hits.sort(byRank);
}

/** The candidates that are like the subject at all, best first. */
export function rankSimilar(
  subject: { readonly id: RecordId; readonly body: JsonObject },
  candidates: readonly EntityView[],
): SimilarHit[] {
  return candidates
    .filter((entity) => entity.id !== subject.id)
    .flatMap((entity): SimilarHit[] => {
      const body = bodyOf(entity);
      if (!areAlike(subject.body, body)) return [];
      const alike = similarity(subject.body, body);
      return [{ entity, similarity: alike, score: alike.score }];
    })
    .sort(byRank);
}

/** The body of an entity that is live. */
export function bodyOf(entity: EntityView): JsonObject {
  return entity.bodyJson === "" ? {} : JSON.parse(entity.bodyJson);
}
