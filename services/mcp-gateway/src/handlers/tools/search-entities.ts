import { z } from "zod";
import { count, describeList, moreWithCursor, presentCursor, presentSummary } from "../present.ts";
import { cursor, entitySummary, entityType, fields, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Finds entities by name or content. */
export const searchEntities = defineTool({
  name: "search_entities",
  title: "Search entities",
  description: "Finds entities by name or by words in their content, best match first; forgives typing errors.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    query: reference("Words or parts of words"),
    types: z.array(entityType).max(14).describe("Only these types").optional(),
    limit: limit(10, 100),
    cursor,
    fields,
  }),
  output: z.object({
    hits: z.array(entitySummary.extend({ match: z.string(), score: z.number() })),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const page = await context.graph.searchEntities(context.call, {
      query: input.query,
      types: input.types ?? [],
      limit: input.limit,
      cursor: input.cursor,
    });
    const hits = page.items.map(({ entity, match, score }) => ({
      ...presentSummary(entity, input.fields),
      match,
      score,
    }));
    if (hits.length === 0) {
      const among = input.types === undefined ? "" : ` among ${input.types.join(", ")}; try without types`;
      return { text: `Nothing matches "${input.query}"${among}.`, data: { hits } };
    }
    return {
      text: `${count(hits.length, "match", "matches")}${moreWithCursor(page)}\n${describeList(hits)}`,
      data: { hits, ...presentCursor(page) },
    };
  },
});
