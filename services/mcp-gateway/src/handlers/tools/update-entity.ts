import { type JsonObject, jsonGet } from "@funkygibbon/kernel/json";
import { z } from "zod";
import { findEntityToChange } from "../../domain/find-entity.ts";
import { type ArgumentFault, invalidArguments } from "../../domain/tool-fault.ts";
import { describe, presentReceipt, presentWritten } from "../present.ts";
import { dryRun, etag, jsonObject, reference, writeReceipt, writtenEntity } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Changes some properties of an entity and leaves the others alone. */
export const updateEntity = defineTool({
  name: "update_entity",
  title: "Update entity",
  description:
    "Changes properties of an entity: keys in content are set, keys in remove are deleted, all others stay. " +
    "Rename with content {name}. Returns the new version.",
  access: "write",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    entity_id: reference("Id"),
    content: jsonObject("Properties to set; null is a value").optional(),
    remove: z.array(z.string().min(1).max(200)).max(100).describe("Properties to delete").optional(),
    etag,
    dry_run: dryRun,
  }),
  output: z.object({ entity: writtenEntity, changed: z.array(z.string()), ...writeReceipt }),
  async run(input, context) {
    const set = input.content ?? {};
    const remove = [...new Set(input.remove ?? [])];
    const faults = contradictions(set, remove);
    if (faults.length > 0) throw invalidArguments(faults);
    const { graph, call } = context;
    const found = await findEntityToChange(graph, call, { text: input.entity_id, field: "entity_id", types: [] });
    const entity = await context.edits.updateEntity(call, {
      id: found.id,
      etag: input.etag,
      set,
      remove,
      dryRun: input.dry_run,
    });
    const changed = [...Object.keys(set), ...remove];
    return {
      text: `${input.dry_run ? "Would update" : "Updated"} ${describe(entity)}: ${changed.join(", ")}.`,
      data: { entity: presentWritten(entity), changed, ...presentReceipt(context, { dryRun: input.dry_run }) },
    };
  },
});

function contradictions(set: JsonObject, remove: readonly string[]): readonly ArgumentFault[] {
  if (Object.keys(set).length === 0 && remove.length === 0) {
    return [{ field: "content", problem: "names nothing to change; give keys in content, or in remove" }];
  }
  const faults: ArgumentFault[] = remove
    .filter((key) => Object.hasOwn(set, key))
    .map((key) => ({ field: "remove", problem: `names "${key}", which content sets` }));
  const name = jsonGet(set, "name");
  if (name !== undefined && (typeof name !== "string" || name.trim() === "")) {
    faults.push({ field: "content.name", problem: "must be a text that is not empty" });
  }
  return faults;
}
