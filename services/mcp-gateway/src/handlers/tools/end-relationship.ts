import { z } from "zod";
import { findRelationship } from "../../domain/find-relationship.ts";
import { describe, presentReceipt, presentRef } from "../present.ts";
import { dryRun, entityRef, etag, reference, relationshipType, writeReceipt } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Disconnects two entities. */
export const endRelationship = defineTool({
  name: "end_relationship",
  title: "End relationship",
  description:
    "Disconnects two entities that stay otherwise as they are. Name it by relationship_id, or as from type to " +
    "(lamp located_in kitchen). To move a thing: end located_in, then create the new one.",
  access: "write",
  idempotent: true,
  destructive: true,
  input: z.strictObject({
    relationship_id: reference("Id").optional(),
    type: relationshipType.optional(),
    from: reference("Id or unique name").optional(),
    to: reference("Id or unique name").optional(),
    etag,
    dry_run: dryRun,
  }),
  output: z.object({
    relationship: z.object({ id: z.string(), type: z.string(), from: entityRef, to: entityRef }),
    ...writeReceipt,
  }),
  async run(input, context) {
    const { graph, edits, call } = context;
    const { relationship_id: relationshipId, type, from, to, dry_run: asTrial } = input;
    const found = await findRelationship(graph, call, { relationshipId, type, from, to });
    const [start, end] = await Promise.all([graph.getEntity(call, found.fromId), graph.getEntity(call, found.toId)]);
    await edits.deleteRelationship(call, { id: found.id, etag: input.etag, dryRun: asTrial });
    return {
      text: `${asTrial ? "Would end" : "Ended"}: ${describe(start)} ${found.type} ${describe(end)}.`,
      data: {
        relationship: { id: found.id, type: found.type, from: presentRef(start), to: presentRef(end) },
        ...presentReceipt(context, { dryRun: asTrial }),
      },
    };
  },
});
