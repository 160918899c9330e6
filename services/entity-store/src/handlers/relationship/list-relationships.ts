import type { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { HandlerOf } from "@funkygibbon/rpc/service";
import { relationshipTypes } from "@funkygibbon/wire/graph-types";
import type { RelationshipListQuery, RelationshipPosition } from "../../domain/graph-reads.ts";
import type { PagePosition, PageScope } from "../../domain/page-token.ts";
import { parseAt, parseCount, parseEnums, parseOptionalId } from "../shared/fields.ts";
import { presentRelationship } from "../shared/present.ts";
import type { StoreApi } from "../shared/store-api.ts";

const PAGE_SIZE = { field: "page_size", standard: 50, maximum: 1_000 };

/** RelationshipService.ListRelationships. */
export function listRelationships({
  graph,
  pageTokens,
}: Pick<StoreApi, "graph" | "pageTokens">): HandlerOf<typeof RelationshipService.method.listRelationships> {
  return async (request, call) => {
    const { household } = call.requireIdentity();
    const at = parseAt(request.at);
    const size = parseCount(request.pageSize, PAGE_SIZE);
    const filter = {
      types: parseEnums(relationshipTypes, request.types, "types"),
      from: parseOptionalId(request.fromId, "from_id"),
      to: parseOptionalId(request.toId, "to_id"),
      entity: parseOptionalId(request.entityId, "entity_id"),
    };
    const scope: PageScope = { household, list: "relationships", filter: { ...filter, at } };
    const after = positionOf(pageTokens.open(scope, request.pageToken));
    const query: RelationshipListQuery = { ...filter, after, limit: size + 1 };
    return graph.snapshot({ household, at, signal: call.signal }, async (snapshot) => {
      const rows = await snapshot.listRelationships(query);
      const last = rows.length > size ? rows[size - 1] : undefined;
      return {
        relationships: rows.slice(0, size).map(presentRelationship),
        nextPageToken: last === undefined ? "" : pageTokens.seal(scope, [last.type, last.id]),
        ...(request.includeTotal ? { total: BigInt(await snapshot.countRelationships(query)) } : {}),
      };
    });
  };
}

/** Page tokens are genuine, so what is in them was put there by this list. */
function positionOf(position: PagePosition | undefined): RelationshipPosition | undefined {
  if (position === undefined) return undefined;
  return { type: position[0] as RelationshipType, id: position[1] as RecordId };
}
