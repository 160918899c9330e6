import { z } from "zod";
import { automationsAround } from "../../domain/automations.ts";
import { findEntity } from "../../domain/find-entity.ts";
import { nameKey, pageOfList } from "../../domain/list-page.ts";
import { nameText } from "../../domain/name-text.ts";
import { countOfPage, describe, presentCursor, presentRef, presentRelated, presentSummary } from "../present.ts";
import { cursor, entityRef, entitySummary, fields, limit, reference, related } from "../schemas.ts";
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
  input: z.strictObject({ room: reference("Id or name of the room"), fields, limit: limit(50, 200), cursor }),
  output: z.object({
    room: entityRef,
    automations: z.array(entitySummary.extend({ concerns: z.array(related) })),
    total: z.int(),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, call } = context;
    const room = await findEntity(graph, call, { text: input.room, field: "room", types: ["room", "zone"] });
    const found = await automationsAround(graph, call, room);
    const page = pageOfList(found, {
      about: room.id,
      keyOf: ({ entity }) => nameKey(entity.name, entity.id),
      limit: input.limit,
      cursor: input.cursor,
    });
    return {
      text: [
        `${countOfPage(page, "automation")} in ${describe(room)}`,
        ...page.items.map(({ entity, links }) => {
          const concerns = links.map(({ relation, entity: { name } }) => `${relation} ${nameText(name)}`);
          return `- ${describe(entity)}: ${concerns.join(", ")}`;
        }),
      ].join("\n"),
      data: {
        room: presentRef(room),
        automations: page.items.map(({ entity, links }) => ({
          ...presentSummary(entity, input.fields),
          concerns: links.map(presentRelated),
        })),
        total: found.length,
        ...presentCursor(page),
      },
    };
  },
});
