import { z } from "zod";
import { findEntity } from "../../domain/find-entity.ts";
import { nameText } from "../../domain/name-text.ts";
import { count, describe, moreWithCursor, presentCursor, presentRef, presentSummary } from "../present.ts";
import { cursor, entityRef, entitySummary, fields, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** What is like something else. */
export const findSimilarEntities = defineTool({
  name: "find_similar_entities",
  title: "Find similar entities",
  description: "Entities of the same type like the given one, best first, with the properties in which they agree.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({ entity: reference("Id or unique name"), fields, limit: limit(10, 100), cursor }),
  output: z.object({
    entity: entityRef,
    similar: z.array(entitySummary.extend({ score: z.number(), agree: z.array(z.string()) })),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, call } = context;
    const entity = await findEntity(graph, call, { text: input.entity, field: "entity", types: [] });
    const page = await graph.findSimilar(call, { id: entity.id, limit: input.limit, cursor: input.cursor });
    const found = page.items;
    return {
      text: [
        `${count(found.length, "entity", "entities")} like ${describe(entity)}${moreWithCursor(page)}`,
        ...found.map(({ entity, sharedKeys }) => `- ${describe(entity)}${agreement(sharedKeys)}`),
      ].join("\n"),
      data: {
        entity: presentRef(entity),
        similar: found.map((similar) => ({
          ...presentSummary(similar.entity, input.fields),
          score: similar.score,
          agree: [...similar.sharedKeys],
        })),
        ...presentCursor(page),
      },
    };
  },
});

function agreement(keys: readonly string[]): string {
  return keys.length === 0 ? "" : `: agrees in ${keys.map(nameText).join(", ")}`;
}
