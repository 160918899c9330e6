import { EntityType, RelationshipType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { type RunningStore, tokenOf } from "./running-store.ts";

let count = 0;

/** A household of one test's own, with short ways to write to it. */
export function smallHome(store: RunningStore) {
  const name = `home-${++count}`;
  const as = { token: tokenOf(name) };
  return {
    name,
    as,
    guest: { token: tokenOf(name, "guest") },
    owner: { token: tokenOf(name, "owner") },

    /** Creates an entity and gives its id. */
    async entity(type: EntityType, body: object): Promise<string> {
      const { entity } = await store.entities.createEntity({ type, bodyJson: JSON.stringify(body) }, as);
      return entity?.id ?? "";
    },

    /** Creates an edge and gives its id. */
    async edge(fromId: string, type: RelationshipType, toId: string): Promise<string> {
      const { relationship } = await store.relationships.createRelationship({ type, fromId, toId }, as);
      return relationship?.id ?? "";
    },

    /** A home with two rooms; a lamp in the kitchen, controlled by a switch in the hall; a bulb in the lamp. */
    async furnished() {
      const { DEVICE, ROOM, HOME, ACCESSORY } = EntityType;
      const { LOCATED_IN, CONTROLS, PART_OF } = RelationshipType;
      const ids = {
        home: await this.entity(HOME, { name: "Home" }),
        kitchen: await this.entity(ROOM, { name: "Kitchen" }),
        hall: await this.entity(ROOM, { name: "Hall" }),
        lamp: await this.entity(DEVICE, { name: "Lamp", maker: "Hue" }),
        bulb: await this.entity(ACCESSORY, { name: "Bulb" }),
        button: await this.entity(DEVICE, { name: "Switch", maker: "Hue" }),
      };
      const edges = {
        kitchenInHome: await this.edge(ids.kitchen, LOCATED_IN, ids.home),
        hallInHome: await this.edge(ids.hall, LOCATED_IN, ids.home),
        lampInKitchen: await this.edge(ids.lamp, LOCATED_IN, ids.kitchen),
        bulbOfLamp: await this.edge(ids.bulb, PART_OF, ids.lamp),
        buttonInHall: await this.edge(ids.button, LOCATED_IN, ids.hall),
        buttonControls: await this.edge(ids.button, CONTROLS, ids.lamp),
      };
      return { ...ids, edges };
    },
  };
}
