import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import type { QueryMatcher } from "@funkygibbon/kernel/search-match";
import type { EntityView } from "./graph-reads.ts";

/** Asks for the entities that may answer a query. */
export interface SearchQuery {
  readonly household: HouseholdId;
  readonly matcher: QueryMatcher;
  /** Empty: all. */
  readonly types: readonly EntityType[];
  /** How many answers are wanted; there are more candidates than that. */
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/** Asks for entities that may be like one. */
export interface SimilarityQuery {
  readonly household: HouseholdId;
  readonly type: EntityType;
  readonly body: JsonObject;
  readonly limit: number;
  readonly signal?: AbortSignal;
}

/**
 * Proposes entities; whether and how well they answer is decided by {@link rankHits} and {@link rankSimilar} alone. All
 * live entities that the index does not hold yet are proposed too, newest first, so a writer finds what it wrote.
 */
export interface SearchReads {
  /** Live entities as they are now. */
  candidates(query: SearchQuery): Promise<readonly EntityView[]>;
  /** Live entities as they are now, the one itself among them. */
  similarCandidates(query: SimilarityQuery): Promise<readonly EntityView[]>;
}
