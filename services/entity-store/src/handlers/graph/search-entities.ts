import { type GraphService, MatchKind as WireMatchKind } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { invalid } from "@funkygibbon/kernel/errors";
import { type MatchKind, QueryMatcher } from "@funkygibbon/kernel/search-match";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { enumMapping } from "@funkygibbon/wire/enum-mapping";
import { entityTypes } from "@funkygibbon/wire/graph-types";
import type { PageScope } from "../../domain/page-token.ts";
import { rankHits } from "../../domain/rank-search.ts";
import { rankedPage } from "../../domain/ranked-page.ts";
import { parseCount, parseEnums } from "../shared/fields.ts";
import { presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";

const LIMIT = { field: "limit", standard: 20, maximum: 100 };
const MAX_QUERY_CHARACTERS = 200;

const matchKinds = enumMapping<MatchKind, WireMatchKind>({
  exact: WireMatchKind.EXACT,
  prefix: WireMatchKind.PREFIX,
  substring: WireMatchKind.SUBSTRING,
  content: WireMatchKind.CONTENT,
  fuzzy: WireMatchKind.FUZZY,
});

/** GraphService.SearchEntities. */
export function searchEntities({
  search,
  pageTokens,
}: Pick<StoreApi, "search" | "pageTokens">): HandlerOf<typeof GraphService.method.searchEntities> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const characters = [...request.query].length;
    if (characters === 0 || characters > MAX_QUERY_CHARACTERS) {
      throw invalid([{ field: "query", description: `must have 1 to ${MAX_QUERY_CHARACTERS} characters` }]);
    }
    const limit = parseCount(request.limit, LIMIT);
    const types = parseEnums(entityTypes, request.types, "types");
    const matcher = new QueryMatcher(request.query);
    const scope: PageScope = { household, list: "search", filter: { query: request.query, types } };
    const after = pageTokens.open(scope, request.pageToken);
    const { answers, next } = await rankedPage({ after, limit }, async (wanted) =>
      rankHits(matcher, await search.candidates({ household, matcher, types, limit: wanted, signal: call.signal })),
    );
    return {
      nextPageToken: next === undefined ? "" : pageTokens.seal(scope, next),
      hits: answers.map(({ entity, match }) => ({
        entity: presentEntity(entity),
        match: matchKinds.toWire(match.kind),
        score: match.score,
        highlight: match.highlight,
      })),
    };
  };
}
