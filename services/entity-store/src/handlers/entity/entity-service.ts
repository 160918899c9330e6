import { EntityService } from "@funkygibbon/gen/funkygibbon/entity/v1/entity_service_pb";
import { type BoundService, implement } from "@funkygibbon/rpc/service";
import type { StoreApi } from "../shared/store-api.ts";
import { batchGetEntities } from "./batch-get-entities.ts";
import { createEntity } from "./create-entity.ts";
import { deleteEntity } from "./delete-entity.ts";
import { getEntity } from "./get-entity.ts";
import { getEntityHistory } from "./get-entity-history.ts";
import { listEntities } from "./list-entities.ts";
import { restoreEntity } from "./restore-entity.ts";
import { updateEntity } from "./update-entity.ts";

/** The public API of the nodes. */
export function entityService(api: StoreApi): BoundService {
  return implement(EntityService, {
    access: "user",
    handlers: {
      createEntity: createEntity(api),
      getEntity: getEntity(api),
      batchGetEntities: batchGetEntities(api),
      listEntities: listEntities(api),
      updateEntity: updateEntity(api),
      deleteEntity: deleteEntity(api),
      restoreEntity: restoreEntity(api),
      getEntityHistory: getEntityHistory(api),
    },
  });
}
