import { isUuid } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { z } from "zod";
import type { Conflict, ConflictChoice, ConflictField, ConflictInbox } from "../../domain/conflict-inbox.ts";
import { nameText } from "../../domain/name-text.ts";
import { orNothing } from "../../domain/or-nothing.ts";
import type { ToolCall } from "../../domain/tool-call.ts";
import { invalidArguments, ToolFault } from "../../domain/tool-fault.ts";
import { presentReceipt, valueText } from "../present.ts";
import { dryRun, jsonObject, reference, writeReceipt } from "../schemas.ts";
import { defineTool } from "../tool.ts";

const SUGGESTIONS = 5;

/** Decides a contradiction between two edits. */
export const settleConflict = defineTool({
  name: "settle_conflict",
  title: "Settle conflict",
  description:
    "Decides a conflict, or decides a settled one again: take the device's side, the server's, the merge of both, or " +
    "content of your own. Ask the user which. Returns what the record says then.",
  access: "write",
  idempotent: true,
  destructive: true,
  input: z.strictObject({
    conflict_id: reference("Id from list_conflicts"),
    take: z.enum(["device", "server", "merge", "content"]),
    content: jsonObject("All properties of the record, with take content").optional(),
    etag: reference("From list_conflicts; refuses if it changed since").optional(),
    dry_run: dryRun,
  }),
  output: z.object({
    conflict_id: z.string(),
    decision: z.string(),
    record_id: z.string(),
    record_kind: z.string(),
    content: z.record(z.string(), z.unknown()).optional(),
    deleted: z.boolean(),
    etag: z.string(),
    ...writeReceipt,
  }),
  async run(input, context) {
    const { conflicts, call } = context;
    const choice = parseChoice(input.take, input.content);
    const found = await findConflict(conflicts, call, input.conflict_id);
    const { conflict, head } = await conflicts.settleConflict(call, {
      id: found.id,
      etag: input.etag ?? found.etag,
      choice,
      dryRun: input.dry_run,
    });
    const content = head?.content.body ?? undefined;
    const says = content === undefined ? "is deleted" : `says ${JSON.stringify(content)}`;
    return {
      text: [
        `${input.dry_run ? "Would settle" : "Settled"} (${conflict.decision}): ${conflict.recordKind} ${conflict.recordId} ${says}.`,
        ...conflict.fields.map(fieldLine),
      ].join("\n"),
      data: {
        conflict_id: conflict.id,
        decision: conflict.decision,
        record_id: conflict.recordId,
        record_kind: conflict.recordKind,
        ...(content === undefined ? {} : { content: { ...content } }),
        deleted: content === undefined,
        etag: conflict.etag,
        ...presentReceipt(context, { dryRun: input.dry_run }),
      },
    };
  },
});

/** Both sides, of which one may go: what the user is asked about. */
function fieldLine({ field, device, server }: ConflictField): string {
  return `- ${nameText(field)}: the device says ${valueText(device)}, the server ${valueText(server)}`;
}

function parseChoice(take: ConflictChoice["kind"], content: JsonObject | undefined): ConflictChoice {
  if (take !== "content" && content === undefined) return { kind: take };
  if (take === "content" && content !== undefined) return { kind: take, content };
  const problem = content === undefined ? "is required with take content" : "goes only with take content";
  throw invalidArguments([{ field: "content", problem }]);
}

async function findConflict(conflicts: ConflictInbox, call: ToolCall, text: string): Promise<Conflict> {
  const found = isUuid(text) ? await orNothing(conflicts.getConflict(call, text.toLowerCase())) : undefined;
  if (found !== undefined) return found;
  const filter = { state: "open", recordId: undefined, limit: SUGGESTIONS, cursor: undefined } as const;
  const open = await conflicts.listConflicts(call, filter);
  throw new ToolFault("There is no such conflict.", {
    reason: "CONFLICT_UNKNOWN",
    arguments: [{ field: "conflict_id", problem: "names no conflict here", nearest: open.items.map(({ id }) => id) }],
    hint: "list_conflicts tells which there are.",
  });
}
