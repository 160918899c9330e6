import { z } from "zod";
import { findEntity } from "../../domain/find-entity.ts";
import { nameKey, pageOfList } from "../../domain/list-page.ts";
import { type Passage, passagesOf } from "../../domain/passages.ts";
import { countOfPage, describe, presentCursor, presentRef } from "../present.ts";
import { cursor, entityRef, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Where one gets from a room. */
export const getRoomConnections = defineTool({
  name: "get_room_connections",
  title: "Get room connections",
  description:
    "The rooms that one room is connected to, and by which door or window (via). Without to: where it leads is not " +
    "known. For longer ways use find_path.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({ room: reference("Id or name of the room"), limit: limit(50, 200), cursor }),
  output: z.object({
    room: entityRef,
    connections: z.array(z.object({ to: entityRef.optional(), via: entityRef.optional() })),
    total: z.int(),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, call } = context;
    const room = await findEntity(graph, call, { text: input.room, field: "room", types: ["room"] });
    const page = pageOfList(await passagesOf(graph, call, room), {
      about: room.id,
      keyOf: passageKey,
      limit: input.limit,
      cursor: input.cursor,
    });
    return {
      text: [`${countOfPage(page, "connection")} of ${describe(room)}`, ...page.items.map(passageLine)].join("\n"),
      data: {
        room: presentRef(room),
        connections: page.items.map(({ to, via }) => ({
          ...(to && { to: presentRef(to) }),
          ...(via && { via: presentRef(via) }),
        })),
        total: page.total ?? page.items.length,
        ...presentCursor(page),
      },
    };
  },
});

/** Rooms by their names, then what leads nobody knows where. */
function passageKey({ to, via }: Passage): string {
  return `${to === undefined ? "2" : `1${nameKey(to.name, to.id)}`}\u0000${via?.id ?? ""}`;
}

function passageLine({ to, via }: Passage): string {
  const where = to === undefined ? "not known where to" : `to ${describe(to)}`;
  return via === undefined ? `- ${where}` : `- ${where} by ${describe(via)}`;
}
