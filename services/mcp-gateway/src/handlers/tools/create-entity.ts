import { z } from "zod";
import { describe, presentReceipt, presentWritten } from "../present.ts";
import { dryRun, entityType, jsonObject, writeReceipt, writtenEntity } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Adds one entity. Where it stands is said by a relationship of its own. */
export const createEntity = defineTool({
  name: "create_entity",
  title: "Create entity",
  description:
    "Adds an entity (room, device, note, procedure, …) to the home. Search first to avoid duplicates. " +
    "Then place it with create_relationship located_in. Returns its id.",
  access: "write",
  idempotent: false,
  destructive: false,
  input: z.strictObject({
    type: entityType,
    name: z.string().trim().min(1).max(200),
    content: jsonObject('Further properties, e.g. {"manufacturer": "IKEA"}').optional(),
    dry_run: dryRun,
  }),
  output: z.object({ entity: writtenEntity, ...writeReceipt }),
  async run(input, context) {
    const content = { ...input.content, name: input.name };
    const entity = await context.edits.createEntity(context.call, {
      type: input.type,
      content,
      dryRun: input.dry_run,
    });
    return {
      text: `${input.dry_run ? "Would create" : "Created"} ${describe(entity)}.`,
      data: { entity: presentWritten(entity), ...presentReceipt(context, { dryRun: input.dry_run }) },
    };
  },
});
