import { findEntity } from "../../domain/find-entity.ts";
import type { Prompt } from "../feature.ts";
import { embeddedEntity } from "../resources/home-resources.ts";
import { completeNames, conversation } from "./prompt.ts";

const TYPES = ["device", "accessory"] as const;
/** Manuals of one device that are held out whole; there are hardly ever more. */
const MANUALS = 5;

/** Finds the manual of a device and what it says. */
export const findTheManual: Prompt = {
  listed: {
    name: "find_the_manual",
    title: "Find the manual",
    description: "Finds the manual of a device and answers from it",
    arguments: [{ name: "device", description: "Its name or id", required: true }],
  },
  async get({ device: named = "" }, context) {
    const { graph, call } = context;
    const device = await findEntity(graph, call, { text: named, field: "device", types: TYPES });
    const { items: neighbours } = await graph.getNeighbours(call, {
      id: device.id,
      relations: ["documented_by"],
      types: ["manual"],
      limit: MANUALS,
    });
    const manuals = neighbours.map(({ entity }) => entity);
    const asked =
      manuals.length === 0
        ? `The home knows no manual of ${device.name}. Look with search_entities among manuals, procedures and notes ` +
          "for its manufacturer and model, and at find_similar_entities for one of the same kind that has a manual. " +
          "Tell me what you found, or what I should look for."
        : `Above are ${device.name} and its manual. Tell me in a few sentences what the manual covers, then answer my ` +
          "questions from it, and say so when it does not have the answer.";
    const given = await Promise.all([device, ...manuals].map((entity) => embeddedEntity(entity, context)));
    return conversation(`The manual of ${device.name}`, { asked, given: given.flat() });
  },
  complete: (completing, context) => completeNames(TYPES, completing, context),
};
