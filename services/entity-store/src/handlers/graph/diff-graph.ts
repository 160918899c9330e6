import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  DifferenceKind,
  type GraphService,
  type RecordDifferenceSchema,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import { internal, invalid } from "@funkygibbon/kernel/errors";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import type { DifferencePosition, RecordDifference } from "../../domain/graph-reads.ts";
import type { PagePosition, PageScope } from "../../domain/page-token.ts";
import { parseAt, parseCount, timestampOf } from "../shared/fields.ts";
import { presentEntity, presentRelationship } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";

const PAGE_SIZE = { field: "page_size", standard: 100, maximum: 500 };

/** GraphService.DiffGraph. */
export function diffGraph({
  graph,
  pageTokens,
}: Pick<StoreApi, "graph" | "pageTokens">): HandlerOf<typeof GraphService.method.diffGraph> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const since = parseAt(request.since, "since");
    if (since === undefined) throw invalid([{ field: "since", description: "must be set" }]);
    const until = parseAt(request.until, "until");
    if (until !== undefined && until < since) {
      throw invalid([{ field: "until", description: "must not be before since" }]);
    }
    const limit = parseCount(request.pageSize, PAGE_SIZE);
    const scope: PageScope = { household, list: "difference", filter: { since, until } };
    const after = positionOf(pageTokens.open(scope, request.pageToken));
    const page = await graph.difference({ household, since, until, after, limit, signal: call.signal });
    const { next } = page;
    return {
      differences: page.differences.map(presentDifference),
      nextPageToken: next === undefined ? "" : pageTokens.seal(scope, [next.sinceSeq, next.untilSeq, next.seq]),
    };
  };
}

/** Page tokens are genuine, so what is in them was put there by this list. */
function positionOf(position: PagePosition | undefined): DifferencePosition | undefined {
  if (position === undefined) return undefined;
  const [sinceSeq, untilSeq, seq] = position;
  return { sinceSeq: Number(sinceSeq), untilSeq: Number(untilSeq), seq: Number(seq) };
}

function presentDifference({
  before,
  after,
  changedKeys,
  author,
  committedUs,
}: RecordDifference): MessageInitShape<typeof RecordDifferenceSchema> {
  const shown = after ?? before;
  if (shown === undefined) throw internal("broken invariant: a record differs that is in neither graph");
  return {
    kind: kindOf(before !== undefined, after !== undefined),
    recordId: shown.id,
    ...(before?.kind === "entity" ? { entityBefore: presentEntity(before) } : {}),
    ...(after?.kind === "entity" ? { entityAfter: presentEntity(after) } : {}),
    ...(before?.kind === "relationship" ? { relationshipBefore: presentRelationship(before) } : {}),
    ...(after?.kind === "relationship" ? { relationshipAfter: presentRelationship(after) } : {}),
    changedKeys: [...changedKeys],
    author,
    time: timestampOf(committedUs),
  };
}

function kindOf(inEarlier: boolean, inLater: boolean): DifferenceKind {
  if (!inEarlier) return DifferenceKind.CREATED;
  return inLater ? DifferenceKind.UPDATED : DifferenceKind.DELETED;
}
