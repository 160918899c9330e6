import { z } from "zod";
import { findRecord } from "../../domain/find-record.ts";
import { isNotFound } from "../../domain/or-nothing.ts";
import { ToolFault } from "../../domain/tool-fault.ts";
import type { CallContext } from "../feature.ts";
import { count, describe, presentReceipt, presentWritten } from "../present.ts";
import { dryRun, etag, reference, writeReceipt, writtenEntity } from "../schemas.ts";
import { defineTool } from "../tool.ts";

const SUGGESTIONS = 5;

/** Brings back a deleted entity, or what one said earlier. */
export const restoreEntity = defineTool({
  name: "restore_entity",
  title: "Restore entity",
  description:
    "Brings back a deleted entity with its relationships where both ends live, or what an entity said in an older " +
    "version, as a new version. Whoever deleted or changed it; undo takes back one call only.",
  access: "write",
  idempotent: false,
  destructive: false,
  input: z.strictObject({
    entity_id: reference("Id; what_changed lists deleted ones"),
    version: reference("From get_history; omit for the last before the delete").optional(),
    etag,
    dry_run: dryRun,
  }),
  output: z.object({ entity: writtenEntity, returned_relationship_ids: z.array(z.string()), ...writeReceipt }),
  async run(input, context) {
    const { graph, edits, call } = context;
    const { kind, record } = await findRecord(graph, call, { text: input.entity_id, field: "entity_id" });
    if (kind === "relationship") {
      throw new ToolFault(`entity_id: ${record.id} is a relationship.`, {
        reason: "ENTITY_WRONG_TYPE",
        hint: "Take back the call that ended it with undo, or connect the two anew with create_relationship.",
      });
    }
    const change = { id: record.id, version: input.version, etag: input.etag, dryRun: input.dry_run };
    const { entity, relationshipIds } = await edits.restoreEntity(call, change).catch(async (error: unknown) => {
      throw isNotFound(error) ? await unknownVersion(context, record.id) : error;
    });
    const verb = input.dry_run ? "Would restore" : "Restored";
    return {
      text: `${verb} ${describe(entity)} and ${count(relationshipIds.length, "relationship")}.`,
      data: {
        entity: presentWritten(entity),
        returned_relationship_ids: [...relationshipIds],
        ...presentReceipt(context, { dryRun: input.dry_run }),
      },
    };
  },
});

/** The entity itself was found: what is missing is the version. */
async function unknownVersion({ history, call }: CallContext, id: string): Promise<ToolFault> {
  const { items } = await history.listVersions(call, { kind: "entity", id, limit: SUGGESTIONS });
  const versions = items.filter(({ version }) => !version.deleted).map(({ version }) => version.version);
  return new ToolFault("The entity has no such version.", {
    reason: "VERSION_UNKNOWN",
    arguments: [{ field: "version", problem: "names no version of the entity", nearest: versions }],
    hint: "get_history lists all of them.",
  });
}
