import type { EntityType } from "./entity-type.ts";

/** What an edge says, read from `from` to `to`. */
export const RELATIONSHIP_TYPES = [
  "located_in",
  "controls",
  "connects_to",
  "part_of",
  "manages",
  "documented_by",
  "procedure_for",
  "triggered_by",
  "depends_on",
  "monitors",
  "automates",
  "has_photo",
] as const;
export type RelationshipType = (typeof RELATIONSHIP_TYPES)[number];

const INVERSE_NAMES: Record<RelationshipType, string> = {
  located_in: "contains",
  controls: "controlled_by",
  connects_to: "connects_to",
  part_of: "has_part",
  manages: "managed_by",
  documented_by: "documents",
  procedure_for: "has_procedure",
  triggered_by: "triggers",
  depends_on: "required_by",
  monitors: "monitored_by",
  automates: "automated_by",
  has_photo: "photo_of",
};

/** How the edge reads from its other end: a lamp is `located_in` a room, the room `contains` the lamp. */
export function inverseName(type: RelationshipType): string {
  return INVERSE_NAMES[type];
}

/** Edges of these types form trees: one that closes a cycle is refused. */
export const ACYCLIC_TYPES: ReadonlySet<RelationshipType> = new Set(["located_in", "part_of"]);

type Ends = readonly [from: "any" | readonly EntityType[], to: "any" | readonly EntityType[]];

/** Which entities an edge may connect, by its type: any of the listed pairs. */
export const ENDPOINT_RULES: Record<RelationshipType, readonly Ends[]> = {
  located_in: [
    [
      ["device", "accessory"],
      ["room", "zone", "home"],
    ],
    [["room"], ["zone", "home"]],
    [["zone"], ["home"]],
    [["door", "window"], ["room"]],
  ],
  part_of: [
    [["device"], ["device"]],
    [
      ["accessory", "service"],
      ["device", "accessory"],
    ],
    [["room", "zone"], ["home"]],
  ],
  connects_to: [
    [["room", "door", "window"], ["room"]],
    [["device"], ["device"]],
  ],
  documented_by: [["any", ["manual", "note", "procedure"]]],
  procedure_for: [[["procedure"], ["device", "room"]]],
  controls: [
    [
      ["device", "automation", "schedule", "app"],
      ["device", "accessory", "service"],
    ],
    [["schedule"], ["automation"]],
  ],
  triggered_by: [
    [["automation"], ["device", "schedule"]],
    [["schedule"], ["automation"]],
  ],
  monitors: [
    [
      ["device", "automation"],
      ["device", "room"],
    ],
  ],
  automates: [
    [
      ["automation", "schedule"],
      ["device", "room"],
    ],
  ],
  manages: [[["app"], "any"]],
  depends_on: [["any", "any"]],
  has_photo: [["any", "any"]],
};

/** Whether an edge of this type may connect entities of these types. */
export function mayConnect(type: RelationshipType, from: EntityType, to: EntityType): boolean {
  return ENDPOINT_RULES[type].some(
    ([starts, ends]) => (starts === "any" || starts.includes(from)) && (ends === "any" || ends.includes(to)),
  );
}
