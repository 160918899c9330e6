import type { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { entityTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type { EntityListQuery, EntityPosition, GraphSnapshot } from "../../domain/graph-reads.ts";
import { descendants, UNLIMITED } from "../../domain/graph-walk.ts";
import type { PagePosition, PageScope } from "../../domain/page-token.ts";
import { parseAt, parseCount, parseEnums, parseOptionalId, parseText } from "../shared/fields.ts";
import { presentEntity } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";

const PAGE_SIZE = { field: "page_size", standard: 50, maximum: 1_000 };

/** EntityService.ListEntities. */
export function listEntities({
  graph,
  pageTokens,
}: Pick<StoreApi, "graph" | "pageTokens">): HandlerOf<typeof EntityService.method.listEntities> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const at = parseAt(request.at);
    const size = parseCount(request.pageSize, PAGE_SIZE);
    const types = parseEnums(entityTypes, request.types, "types");
    const sources = parseEnums(sourceTypes, request.sources, "sources");
    const nameContains = parseText(request.nameContains, "name_contains");
    const place = parseOptionalId(request.locatedInId, "located_in_id");
    const scope: PageScope = { household, list: "entities", filter: { types, sources, place, nameContains, at } };
    const after = positionOf(pageTokens.open(scope, request.pageToken));
    return graph.snapshot({ household, at, signal: call.signal }, async (snapshot) => {
      const among = place && (await contents(snapshot, place));
      const query: EntityListQuery = { types, sources, among, nameContains, after, limit: size + 1 };
      const rows = await snapshot.listEntities(query);
      const last = rows.length > size ? rows[size - 1] : undefined;
      return {
        entities: rows.slice(0, size).map(presentEntity),
        nextPageToken: last === undefined ? "" : pageTokens.seal(scope, [last.type, last.sortName, last.id]),
        ...(request.includeTotal ? { total: BigInt(await snapshot.countEntities(query)) } : {}),
      };
    });
  };
}

/** What is in a place; a place that does not exist holds nothing. */
async function contents(snapshot: GraphSnapshot, place: RecordId): Promise<RecordId[]> {
  const { reached } = await descendants(snapshot, place, UNLIMITED);
  return reached.map((step) => step.reached);
}

/** Page tokens are genuine, so what is in them was put there by this list. */
function positionOf(position: PagePosition | undefined): EntityPosition | undefined {
  if (position === undefined) return undefined;
  const [type, sortName, id] = position;
  return { type: type as EntityType, sortName: String(sortName), id: id as RecordId };
}
