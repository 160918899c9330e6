import { describe, expect, it } from "vitest";
import { ENTITY_TYPES, type EntityType } from "./entity-type.ts";
import { inverseName, mayConnect, RELATIONSHIP_TYPES, type RelationshipType } from "./relationship-type.ts";

describe("relationships", () => {
  it("read both ways: every type has an inverse name", () => {
    expect(RELATIONSHIP_TYPES.map(inverseName)).toEqual([
      "contains",
      "controlled_by",
      "connects_to",
      "has_part",
      "managed_by",
      "documents",
      "has_procedure",
      "triggers",
      "required_by",
      "monitored_by",
      "automated_by",
      "photo_of",
    ]);
  });

  it.each(RELATIONSHIP_TYPES)("of type %s connect what its rule says, and nothing else", (type) => {
    const allowed = RULES[type].split(", ").flatMap((rule) => {
      const [starts = [], ends = []] = rule.split("→").map(typesOf);
      return starts.flatMap((from) => ends.map((to) => `${from}→${to}`));
    });
    const found = ENTITY_TYPES.flatMap((from) =>
      ENTITY_TYPES.filter((to) => mayConnect(type, from, to)).map((to) => `${from}→${to}`),
    );
    expect(found.sort()).toEqual([...new Set(allowed)].sort());
  });
});

/** As a person would say it. */
const RULES: Record<RelationshipType, string> = {
  located_in: "device|accessory→room|zone|home, room→zone|home, zone→home, door|window→room",
  part_of: "device→device, accessory|service→device|accessory, room|zone→home",
  connects_to: "room|door|window→room, device→device",
  documented_by: "any→manual|note|procedure",
  procedure_for: "procedure→device|room",
  controls: "device|automation|schedule|app→device|accessory|service, schedule→automation",
  triggered_by: "automation→device|schedule, schedule→automation",
  monitors: "device|automation→device|room",
  automates: "automation|schedule→device|room",
  manages: "app→any",
  depends_on: "any→any",
  has_photo: "any→any",
};

function typesOf(text: string): readonly EntityType[] {
  return text === "any" ? ENTITY_TYPES : ENTITY_TYPES.filter((type) => text.split("|").includes(type));
}
