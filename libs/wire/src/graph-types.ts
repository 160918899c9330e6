import {
  EntityType as WireEntityType,
  RecordKind as WireRecordKind,
  RelationshipType as WireRelationshipType,
  SourceType as WireSourceType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { EntityType, RecordKind, SourceType } from "@funkygibbon/kernel/entity-type";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { enumMapping } from "./enum-mapping.ts";

/** `home` ↔ ENTITY_TYPE_HOME and so on. */
export const entityTypes = enumMapping<EntityType, WireEntityType>({
  home: WireEntityType.HOME,
  room: WireEntityType.ROOM,
  device: WireEntityType.DEVICE,
  accessory: WireEntityType.ACCESSORY,
  service: WireEntityType.SERVICE,
  zone: WireEntityType.ZONE,
  door: WireEntityType.DOOR,
  window: WireEntityType.WINDOW,
  procedure: WireEntityType.PROCEDURE,
  manual: WireEntityType.MANUAL,
  note: WireEntityType.NOTE,
  schedule: WireEntityType.SCHEDULE,
  automation: WireEntityType.AUTOMATION,
  app: WireEntityType.APP,
});

/** `homekit` ↔ SOURCE_TYPE_HOMEKIT and so on. */
export const sourceTypes = enumMapping<SourceType, WireSourceType>({
  manual: WireSourceType.MANUAL,
  homekit: WireSourceType.HOMEKIT,
  matter: WireSourceType.MATTER,
  imported: WireSourceType.IMPORTED,
  automated: WireSourceType.AUTOMATED,
  generated: WireSourceType.GENERATED,
  mcp: WireSourceType.MCP,
});

/** `located_in` ↔ RELATIONSHIP_TYPE_LOCATED_IN and so on. */
export const relationshipTypes = enumMapping<RelationshipType, WireRelationshipType>({
  located_in: WireRelationshipType.LOCATED_IN,
  controls: WireRelationshipType.CONTROLS,
  connects_to: WireRelationshipType.CONNECTS_TO,
  part_of: WireRelationshipType.PART_OF,
  manages: WireRelationshipType.MANAGES,
  documented_by: WireRelationshipType.DOCUMENTED_BY,
  procedure_for: WireRelationshipType.PROCEDURE_FOR,
  triggered_by: WireRelationshipType.TRIGGERED_BY,
  depends_on: WireRelationshipType.DEPENDS_ON,
  monitors: WireRelationshipType.MONITORS,
  automates: WireRelationshipType.AUTOMATES,
  has_photo: WireRelationshipType.HAS_PHOTO,
});

/** `entity` ↔ RECORD_KIND_ENTITY and so on. */
export const recordKinds = enumMapping<RecordKind, WireRecordKind>({
  entity: WireRecordKind.ENTITY,
  relationship: WireRecordKind.RELATIONSHIP,
});
