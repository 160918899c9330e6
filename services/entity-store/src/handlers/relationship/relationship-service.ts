import { RelationshipService } from "@funkygibbon/gen/funkygibbon/entity/v1/relationship_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { StoreApi } from "../shared/store-api.ts";
import { batchGetRelationships } from "./batch-get-relationships.ts";
import { createRelationship } from "./create-relationship.ts";
import { deleteRelationship } from "./delete-relationship.ts";
import { getRelationship } from "./get-relationship.ts";
import { getRelationshipHistory } from "./get-relationship-history.ts";
import { listRelationships } from "./list-relationships.ts";
import { restoreRelationship } from "./restore-relationship.ts";
import { updateRelationship } from "./update-relationship.ts";

/** The public API of the edges. */
export function relationshipService(api: StoreApi): BoundService {
  return implement(RelationshipService, {
    access: "user",
    handlers: {
      createRelationship: createRelationship(api),
      getRelationship: getRelationship(api),
      batchGetRelationships: batchGetRelationships(api),
      listRelationships: listRelationships(api),
      updateRelationship: updateRelationship(api),
      deleteRelationship: deleteRelationship(api),
      restoreRelationship: restoreRelationship(api),
      getRelationshipHistory: getRelationshipHistory(api),
    },
  });
}
