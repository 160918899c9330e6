import { z } from "zod";
import { findEntity } from "../../domain/find-entity.ts";
import { type Passage, passagesOf } from "../../domain/passages.ts";
import { count, describe, presentRef } from "../present.ts";
import { entityRef, reference } from "../schemas.ts";
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
  input: z.strictObject({ room: reference("Id or name of the room") }),
  output: z.object({
    room: entityRef,
    connections: z.array(z.object({ to: entityRef.optional(), via: entityRef.optional() })),
  }),
  async run(input, context) {
    const { graph, call } = context;
    const room = await findEntity(graph, call, { text: input.room, field: "room", types: ["room"] });
    const passages = await passagesOf(graph, call, room);
    return {
      text: [`${count(passages.length, "connection")} of ${describe(room)}`, ...passages.map(passageLine)].join("\n"),
      data: {
        room: presentRef(room),
        connections: passages.map(({ to, via }) => ({
          ...(to && { to: presentRef(to) }),
          ...(via && { via: presentRef(via) }),
        })),
      },
    };
  },
});

function passageLine({ to, via }: Passage): string {
  const where = to === undefined ? "not known where to" : `to ${describe(to)}`;
  return via === undefined ? `- ${where}` : `- ${where} by ${describe(via)}`;
}
