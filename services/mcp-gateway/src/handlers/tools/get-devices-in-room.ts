import { z } from "zod";
import { findEntity } from "../../domain/find-entity.ts";
import { countOfPage, describe, describeList, presentPage, presentRef } from "../present.ts";
import { cursor, entityList, entityRef, fields, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** What is in a room. */
export const getDevicesInRoom = defineTool({
  name: "get_devices_in_room",
  title: "Get devices in a room",
  description: "The devices in one room (or zone), directly or inside something there.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({ room: reference("Id or name of the room"), fields, limit: limit(50, 200), cursor }),
  output: z.object({ room: entityRef, ...entityList }),
  async run(input, context) {
    const { graph, call } = context;
    const room = await findEntity(graph, call, { text: input.room, field: "room", types: ["room", "zone"] });
    const page = await graph.listEntities(call, {
      types: ["device"],
      locatedInId: room.id,
      limit: input.limit,
      cursor: input.cursor,
    });
    const list = presentPage(page, input.fields);
    return {
      text: `${countOfPage(page, "device")} in ${describe(room)}\n${describeList(list.entities)}`.trimEnd(),
      data: { room: presentRef(room), ...list },
    };
  },
});
