import { findEntity } from "../../domain/find-entity.ts";
import type { Prompt } from "../feature.ts";
import { HOME_ADDRESS } from "../resources/address.ts";
import { embeddedEntity, embeddedHome } from "../resources/home-resources.ts";
import { completeNames, conversation } from "./prompt.ts";

/** Walks a person through the home, or one room of it. */
export const tourOfTheHome: Prompt = {
  listed: {
    name: "tour_of_the_home",
    title: "Tour of the home",
    description: "Walks you through the home, room by room, or through one room",
    arguments: [{ name: "room", description: "Only this room: its name or id", required: false }],
  },
  async get({ room: named }, context) {
    if (named === undefined) {
      const asked =
        `Give me a tour of my home, room by room, from what ${HOME_ADDRESS} says above. For each room say in a sentence ` +
        "or two what is there and what it can do; look closer with get_entity_details where it pays. End with what " +
        "seems to be missing or out of place, such as devices in no room.";
      return conversation("A tour of the home", { asked, given: await embeddedHome(context) });
    }
    const { graph, call } = context;
    const room = await findEntity(graph, call, { text: named, field: "room", types: ["room"] });
    const asked =
      `Show me around the room ${room.name}: what is in it, what each thing does and how it is controlled ` +
      "(find_device_controls), where its doors lead (get_room_connections), and what runs there by itself " +
      "(get_automations_in_room).";
    return conversation(`A tour of ${room.name}`, { asked, given: await embeddedEntity(room, context) });
  },
  complete: (completing, context) => completeNames(["room"], completing, context),
};
