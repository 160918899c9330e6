import type { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import type { PageScope } from "../../domain/page-token.ts";
import { bodyOf, rankSimilar } from "../../domain/rank-search.ts";
import { rankedPage } from "../../domain/ranked-page.ts";
import { parseCount } from "../shared/fields.ts";
import { presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";
import { requireEntity } from "./reached.ts";

const LIMIT = { field: "limit", standard: 10, maximum: 100 };

/** GraphService.FindSimilarEntities. */
export function findSimilarEntities({
  graph,
  search,
  pageTokens,
}: Pick<StoreApi, "graph" | "search" | "pageTokens">): HandlerOf<typeof GraphService.method.findSimilarEntities> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const id = parseRecordId(request.entityId, "entity_id");
    const limit = parseCount(request.limit, LIMIT);
    const pages: PageScope = { household, list: "similar", filter: id };
    const after = pageTokens.open(pages, request.pageToken);
    const scope = { household, at: undefined, signal: call.signal };
    const entity = await graph.snapshot(scope, (snapshot) => requireEntity(snapshot, id));
    const subject = { id, body: bodyOf(entity) };
    const query = { household, type: entity.type, body: subject.body, signal: call.signal };
    const { answers, next } = await rankedPage({ after, limit }, async (wanted) =>
      rankSimilar(subject, await search.similarCandidates({ ...query, limit: wanted })),
    );
    return {
      nextPageToken: next === undefined ? "" : pageTokens.seal(pages, next),
      entities: answers.map(({ entity, similarity }) => ({
        entity: presentEntity(entity),
        score: similarity.score,
        sharedKeys: [...similarity.sharedKeys],
      })),
    };
  };
}
