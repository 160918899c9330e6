import type { Tool } from "../tool.ts";
import { createEntity } from "./create-entity.ts";
import { createRelationship } from "./create-relationship.ts";
import { deleteEntity } from "./delete-entity.ts";
import { getDevicesInRoom } from "./get-devices-in-room.ts";
import { getEntityDetails } from "./get-entity-details.ts";
import { listConflicts } from "./list-conflicts.ts";
import { queryGraph } from "./query-graph.ts";
import { searchEntities } from "./search-entities.ts";
import { syncNow } from "./sync-now.ts";
import { updateEntity } from "./update-entity.ts";

/** Every tool of the home graph: reads first, in the order in which models meet them. */
export const homeTools: readonly Tool[] = [
  searchEntities,
  getEntityDetails,
  getDevicesInRoom,
  queryGraph,
  listConflicts,
  createEntity,
  updateEntity,
  deleteEntity,
  createRelationship,
  syncNow,
];
