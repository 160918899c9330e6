import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { Match, QueryMatcher } from "@funkygibbon/kernel/search-match";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { EntityView } from "./graph-reads.ts";
import { type Similarity, similarity } from "./similarity.ts";

/** An entity that answers a query. */
export interface SearchHit {
  readonly entity: EntityView;
  readonly match: Match;
}

/** An entity like another one. */
export interface SimilarHit {
  readonly entity: EntityView;
  readonly similarity: Similarity;
}

/** The candidates that answer the query, best first; equal scores by name and id. */
export function rankHits(matcher: QueryMatcher, candidates: readonly EntityView[], limit: number): SearchHit[] {
  const hits: SearchHit[] = [];
  for (const entity of candidates) {
    const match = matcher.match(bodyOf(entity));
    if (match !== undefined) hits.push({ entity, match });
  }
  return hits.sort((a, b) => b.match.score - a.match.score || byName(a.entity, b.entity)).slice(0, limit);
}

/** The candidates that are like `body` at all, best first; equal scores by name and id. */
export function rankSimilar(
  subject: { readonly id: RecordId; readonly body: JsonObject },
  candidates: readonly EntityView[],
  limit: number,
): SimilarHit[] {
  return candidates
    .filter((entity) => entity.id !== subject.id)
    .map((entity) => ({ entity, similarity: similarity(subject.body, bodyOf(entity)) }))
    .filter((hit) => hit.similarity.score > 0)
    .sort((a, b) => b.similarity.score - a.similarity.score || byName(a.entity, b.entity))
    .slice(0, limit);
}

/** The body of an entity that is live. */
export function bodyOf(entity: EntityView): JsonObject {
  return entity.bodyJson === "" ? {} : JSON.parse(entity.bodyJson);
}

function byName(a: EntityView, b: EntityView): number {
  return compareUtf8(a.name, b.name) || compareUtf8(a.id, b.id);
}
