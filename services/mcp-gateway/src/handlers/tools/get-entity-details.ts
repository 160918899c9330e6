import { isUuid } from "@funkygibbon/kernel/ids";
import { jsonGet } from "@funkygibbon/kernel/json";
import { z } from "zod";
import { findEntity } from "../../domain/find-entity.ts";
import type { Entity, EntityRef, Neighbour, Page } from "../../domain/graph.ts";
import { nameText } from "../../domain/name-text.ts";
import { parseAsOf, sealAsOf } from "../../domain/time-span.ts";
import { count, describe, moreWithCursor, pick, presentCursor, presentRef, presentWritten } from "../present.ts";
import { cursor, entityDetails, entityRef, fields, limit, moment, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

const MAX_KEYS = 50;

/** One entity in full, where it is, and what is one step away. */
export const getEntityDetails = defineTool({
  name: "get_entity_details",
  title: "Get entity details",
  description:
    "Everything about one entity, now or at a time in the past: its content, where it is (nearest place first), what " +
    "it is related to, and the etag for a safe update.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    entity: reference("Id or unique name"),
    fields: fields.describe("Only these properties of the content"),
    relationship_limit: limit(50, 200),
    cursor: cursor.describe("next_cursor: further relationships"),
    at: moment("As of then: 2026-11-28T09:30:00Z, a date, or how long ago: 24h").optional(),
  }),
  output: z.object({
    entity: entityDetails,
    located_in: z.array(entityRef),
    relationships: z.array(
      z.object({
        relationship_id: z.string(),
        relation: z.string().describe("Read from this entity"),
        entity: entityRef,
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, call, clock } = context;
    const { at, cursor: from } = parseAsOf(input, clock);
    const readAround = (id: string) =>
      Promise.all([
        graph.getAncestors(call, id, at),
        graph.getNeighbours(call, { id, limit: input.relationship_limit, cursor: from, at }),
      ]);
    // An id needs no looking up: all is read at once, and what is around nothing is forgotten with the fault.
    const early = isUuid(input.entity) ? readAround(input.entity.toLowerCase()) : undefined;
    early?.catch(() => {});
    const entity = await findEntity(graph, call, { text: input.entity, field: "entity", types: [], at });
    const [places, around] = await (early ?? readAround(entity.id));
    const content = input.fields === undefined ? entity.content : pick(entity.content, input.fields);
    return {
      text: describeDetails({ ...entity, content }, places, around) + missingText(entity, input.fields ?? []),
      data: {
        entity: {
          ...presentWritten(entity),
          source: entity.source,
          content: { ...content },
          author: entity.author,
          created_at: entity.createdAt,
          updated_at: entity.updatedAt,
        },
        located_in: places.map(presentRef),
        relationships: around.items.map((neighbour) => ({
          relationship_id: neighbour.relationshipId,
          relation: neighbour.relation,
          entity: presentRef(neighbour.entity),
        })),
        ...presentCursor({ nextCursor: around.nextCursor && sealAsOf(at, around.nextCursor) }),
      },
    };
  },
});

/** Names that nothing bears were perhaps meant otherwise. */
function missingText({ content }: Entity, wanted: readonly string[]): string {
  const missing = wanted.filter((key) => jsonGet(content, key) === undefined);
  if (missing.length === 0) return "";
  const keys = Object.keys(content).slice(0, MAX_KEYS);
  return `\nit has no ${missing.join(", ")}; its properties are ${keys.map(nameText).join(", ")}`;
}

function describeDetails(entity: Entity, places: readonly EntityRef[], around: Page<Neighbour>): string {
  const lines = [
    describe(entity),
    `content: ${JSON.stringify(entity.content)}`,
    `where: ${places.length === 0 ? "nowhere in particular" : places.map(({ name }) => nameText(name)).join(" < ")}`,
    `changed: ${entity.updatedAt} by ${entity.author}; etag ${entity.etag}`,
    `${count(around.items.length, "relationship")}${moreWithCursor(around)}`,
    ...around.items.map(({ relation, entity: other }) => `- ${relation} ${describe(other)}`),
  ];
  return lines.join("\n");
}
