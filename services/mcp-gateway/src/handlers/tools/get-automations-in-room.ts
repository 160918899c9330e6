import { z } from "zod";
import { automationsAround } from "../../domain/automations.ts";
import { findEntity } from "../../domain/find-entity.ts";
import { nameText } from "../../domain/name-text.ts";
import { count, describe, presentRef, presentRelated, presentSummary } from "../present.ts";
import { entityRef, entitySummary, fields, limit, reference, related } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** What happens by itself in a room. */
export const getAutomationsInRoom = defineTool({
  name: "get_automations_in_room",
  title: "Get automations in a room",
  description:
    "Automations and schedules that act on a room or on things in it, are triggered by them or watch them, each with " +
    "what it concerns there.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({ room: reference("Id or name of the room"), fields, limit: limit(50, 200) }),
  output: z.object({
    room: entityRef,
    automations: z.array(entitySummary.extend({ concerns: z.array(related) })),
    total: z.int(),
  }),
  async run(input, context) {
    const { graph, call } = context;
    const room = await findEntity(graph, call, { text: input.room, field: "room", types: ["room", "zone"] });
    const found = await automationsAround(graph, call, room);
    const shown = found.slice(0, input.limit);
    const more = shown.length < found.length ? `, ${shown.length} shown` : "";
    return {
      text: [
        `${count(found.length, "automation")} in ${describe(room)}${more}`,
        ...shown.map(({ entity, links }) => {
          const concerns = links.map(({ relation, entity: { name } }) => `${relation} ${nameText(name)}`);
          return `- ${describe(entity)}: ${concerns.join(", ")}`;
        }),
      ].join("\n"),
      data: {
        room: presentRef(room),
        automations: shown.map(({ entity, links }) => ({
          ...presentSummary(entity, input.fields),
          concerns: links.map(presentRelated),
        })),
        total: found.length,
      },
    };
  },
});
