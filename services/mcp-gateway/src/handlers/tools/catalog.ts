import type { Tool } from "../tool.ts";
import { createEntity } from "./create-entity.ts";
import { createRelationship } from "./create-relationship.ts";
import { deleteEntity } from "./delete-entity.ts";
import { endRelationship } from "./end-relationship.ts";
import { findDeviceControls } from "./find-device-controls.ts";
import { findPath } from "./find-path.ts";
import { findSimilarEntities } from "./find-similar-entities.ts";
import { getActivity } from "./get-activity.ts";
import { getAutomationsInRoom } from "./get-automations-in-room.ts";
import { getDevicesInRoom } from "./get-devices-in-room.ts";
import { getEntityDetails } from "./get-entity-details.ts";
import { getHistory } from "./get-history.ts";
import { getProceduresForDevice } from "./get-procedures-for-device.ts";
import { getRoomConnections } from "./get-room-connections.ts";
import { listConflicts } from "./list-conflicts.ts";
import { queryGraph } from "./query-graph.ts";
import { restoreEntity } from "./restore-entity.ts";
import { searchEntities } from "./search-entities.ts";
import { settleConflict } from "./settle-conflict.ts";
import { syncNow } from "./sync-now.ts";
import { undo } from "./undo.ts";
import { updateEntity } from "./update-entity.ts";
import { whatChanged } from "./what-changed.ts";

/** Every tool of the home graph: reads first, in the order in which models meet them. */
export const homeTools: readonly Tool[] = [
  searchEntities,
  getEntityDetails,
  getDevicesInRoom,
  queryGraph,
  findDeviceControls,
  getRoomConnections,
  findPath,
  findSimilarEntities,
  getProceduresForDevice,
  getAutomationsInRoom,
  getHistory,
  whatChanged,
  getActivity,
  listConflicts,
  createEntity,
  updateEntity,
  deleteEntity,
  restoreEntity,
  createRelationship,
  endRelationship,
  settleConflict,
  undo,
  syncNow,
];
