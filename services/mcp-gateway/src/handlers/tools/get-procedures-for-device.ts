import { z } from "zod";
import { findEntity } from "../../domain/find-entity.ts";
import {
  count,
  describe,
  describeList,
  moreWithCursor,
  presentCursor,
  presentRef,
  presentSummary,
} from "../present.ts";
import { cursor, entityRef, entitySummary, fields, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** What a person can read about a device. */
export const getProceduresForDevice = defineTool({
  name: "get_procedures_for_device",
  title: "Get procedures for a device",
  description:
    "Procedures for a device (or room), and the manuals, notes and procedures that document it. " +
    "Read their steps with get_entity_details, or name them in fields.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({ device: reference("Id or name of the device"), fields, limit: limit(50, 200), cursor }),
  output: z.object({
    device: entityRef,
    procedures: z.array(entitySummary.extend({ relation: z.string() })),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, call } = context;
    const types = ["device", "accessory", "room"] as const;
    const device = await findEntity(graph, call, { text: input.device, field: "device", types });
    const page = await graph.getNeighbours(call, {
      id: device.id,
      relations: ["procedure_for", "documented_by"],
      types: ["procedure", "manual", "note"],
      limit: input.limit,
      cursor: input.cursor,
    });
    const procedures = page.items.map(({ relation, entity }) => ({
      ...presentSummary(entity, input.fields),
      relation,
    }));
    return {
      text: `${count(procedures.length, "text")} about ${describe(device)}${moreWithCursor(page)}\n${describeList(procedures)}`.trimEnd(),
      data: { device: presentRef(device), procedures, ...presentCursor(page) },
    };
  },
});
