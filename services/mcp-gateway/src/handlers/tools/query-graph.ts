import type { EntityType } from "@funkygibbon/kernel/entity-type";
import { z } from "zod";
import { findEntity } from "../../domain/find-entity.ts";
import { nameText } from "../../domain/name-text.ts";
import { countOfPage, describeList, presentPage } from "../present.ts";
import { cursor, entityList, fields, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

const QUERIES = ["find_rooms", "find_devices"] as const;
const TYPE_OF_QUERY: Readonly<Record<(typeof QUERIES)[number], EntityType>> = {
  find_rooms: "room",
  find_devices: "device",
};

/** Lists rooms or devices of the whole home or of a part of it. */
export const queryGraph = defineTool({
  name: "query_graph",
  title: "List rooms or devices",
  description: "Lists all rooms (find_rooms) or all devices (find_devices), in the whole household or in one place.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    query: z.enum(QUERIES),
    within: reference("Only in this home, zone or room: id or name").optional(),
    name_contains: z.string().trim().min(1).max(200).optional(),
    fields,
    limit: limit(50, 200),
    cursor,
  }),
  output: z.object(entityList),
  async run(input, context) {
    const { graph, call } = context;
    const type = TYPE_OF_QUERY[input.query];
    const place =
      input.within === undefined
        ? undefined
        : await findEntity(graph, call, { text: input.within, field: "within", types: ["home", "zone", "room"] });
    const page = await graph.listEntities(call, {
      types: [type],
      locatedInId: place?.id,
      nameContains: input.name_contains,
      limit: input.limit,
      cursor: input.cursor,
    });
    const data = presentPage(page, input.fields);
    const where = place === undefined ? "" : ` in ${nameText(place.name)}`;
    return { text: `${countOfPage(page, type)}${where}\n${describeList(data.entities)}`.trimEnd(), data };
  },
});
