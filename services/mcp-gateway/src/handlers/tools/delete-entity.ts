import { z } from "zod";
import { findEntityToChange } from "../../domain/find-entity.ts";
import { count, describe, presentReceipt, presentRef } from "../present.ts";
import { dryRun, entityRef, etag, reference, writeReceipt } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Deletes an entity and its relationships; history keeps them. */
export const deleteEntity = defineTool({
  name: "delete_entity",
  title: "Delete entity",
  description:
    "Deletes an entity and its relationships on every device of the household. History keeps it: undo or " +
    "restore_entity bring it back. Try dry_run first and confirm with the user.",
  access: "write",
  idempotent: true,
  destructive: true,
  input: z.strictObject({ entity_id: reference("Id"), etag, dry_run: dryRun }),
  output: z.object({ entity: entityRef, deleted_relationship_ids: z.array(z.string()), ...writeReceipt }),
  async run(input, context) {
    const { graph, call } = context;
    const found = await findEntityToChange(graph, call, { text: input.entity_id, field: "entity_id", types: [] });
    const { relationshipIds } = await context.edits.deleteEntity(call, {
      id: found.id,
      etag: input.etag,
      dryRun: input.dry_run,
    });
    const verb = input.dry_run ? "Would delete" : "Deleted";
    return {
      text: `${verb} ${describe(found)} and ${count(relationshipIds.length, "relationship")}.`,
      data: {
        entity: presentRef(found),
        deleted_relationship_ids: [...relationshipIds],
        ...presentReceipt(context, { dryRun: input.dry_run }),
      },
    };
  },
});
