import { assertNever } from "@funkygibbon/kernel/must";
import { z } from "zod";
import type { KeptRecord, RecordedCall } from "../../domain/activity-log.ts";
import { findCall, mainChange, readChangedRecord } from "../../domain/changed-record.ts";
import { namesOf } from "../../domain/edge-text.ts";
import { nameText } from "../../domain/name-text.ts";
import { ToolFault } from "../../domain/tool-fault.ts";
import { planUndo, type Undo } from "../../domain/undo.ts";
import type { CallContext } from "../feature.ts";
import { count, presentReceipt } from "../present.ts";
import { changeText, endsOf, keptText } from "../present-call.ts";
import { dryRun, reference, writeReceipt } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Takes back what one call did. */
export const undo = defineTool({
  name: "undo",
  title: "Undo a call",
  description:
    "Takes back what one earlier call changed, all of it or nothing, as new versions: what it created is deleted, what " +
    "it deleted returns, properties that it set go back unless somebody changed them since (kept). Or says why not.",
  access: "write",
  idempotent: true,
  destructive: true,
  input: z.strictObject({ call_id: reference("From the answer of that call, or get_activity"), dry_run: dryRun }),
  output: z.object({
    undone: z.object({ call_id: z.string(), tool: z.string(), what: z.string() }),
    done: z.enum(["deleted", "restored", "changed_back"]),
    record_id: z.string(),
    record_kind: z.string(),
    keys: z.array(z.string()),
    kept: z.array(z.object({ key: z.string(), changed_since: z.string() })),
    relationship_ids: z.array(z.string()).describe("Went or came back along with it"),
    not_returned: z.array(z.string()).describe("Relationships that cannot return"),
    ...writeReceipt,
  }),
  async run(input, context) {
    const { call } = context;
    const target = await findCall(context, call, input.call_id);
    if (target.kept !== undefined) throw await nothingWritten(context, target.kept);
    const change = mainChange(target);
    const plan = planUndo(await readChangedRecord(context, call, change));
    const relationshipIds = await carryOut(plan, context, input.dry_run);
    const what = changeText(change, await namesOf(context.graph, call, endsOf([change])));
    const kept = plan.kind === "update" ? plan.kept : [];
    const notReturned = plan.kind === "restore" ? lost(target, relationshipIds) : [];
    const { done, keys } = outcomeOf(plan);
    return {
      text: [
        `${input.dry_run ? "Would undo" : "Undid"} ${target.origin.tool || "the call"}: ${what}; ${done}${keys.length === 0 ? "" : ` ${keys.map(nameText).join(", ")}`}.`,
        ...(relationshipIds.length === 0 ? [] : [`${count(relationshipIds.length, "relationship")} along with it.`]),
        ...kept.map(({ key, changedSince }) => `- ${nameText(key)} stays: changed ${changedSince}`),
        ...notReturned.map(
          (id) => `- relationship ${id} cannot return: its other end is gone, or it was changed since`,
        ),
        ...(target.origin.tool === "settle_conflict"
          ? ["The conflict stays settled; settle_conflict decides it again."]
          : []),
        ...(plan.kind === "restore" && target.changeCount > target.changes.length
          ? [`The call took ${target.changeCount - 1} relationships; only the first ones were looked for one by one.`]
          : []),
      ].join("\n"),
      data: {
        undone: { call_id: target.origin.callId, tool: target.origin.tool, what },
        done,
        record_id: plan.id,
        record_kind: plan.recordKind,
        keys: [...keys],
        kept: kept.map(({ key, changedSince }) => ({ key, changed_since: changedSince })),
        relationship_ids: [...relationshipIds],
        not_returned: notReturned,
        ...presentReceipt(context, { dryRun: input.dry_run }),
      },
    };
  },
});

/** Where a decision left the record as it was, there is no version to go back from; the decision itself can be made anew. */
async function nothingWritten({ graph, call }: CallContext, kept: KeptRecord): Promise<ToolFault> {
  const what = keptText(kept, await namesOf(graph, call, endsOf([kept])));
  return new ToolFault(`That call ${what}: it wrote no version, so there is nothing to take back.`, {
    reason: "NOTHING_WRITTEN",
    hint: `To decide otherwise: settle_conflict with conflict_id ${kept.conflictId} and take device, merge or content.`,
  });
}

/** Answers which relationships went or came back along with it. */
async function carryOut(plan: Undo, { edits, call }: CallContext, asTrial: boolean): Promise<readonly string[]> {
  const entity = plan.recordKind === "entity";
  const precondition = { id: plan.id, etag: plan.etag, dryRun: asTrial };
  switch (plan.kind) {
    case "delete":
      if (entity) return (await edits.deleteEntity(call, precondition)).relationshipIds;
      await edits.deleteRelationship(call, precondition);
      return [];
    case "restore": {
      const restore = { ...precondition, version: plan.version };
      if (entity) return (await edits.restoreEntity(call, restore)).relationshipIds;
      await edits.restoreRelationship(call, restore);
      return [];
    }
    case "update": {
      const { set, remove, ends } = plan;
      if (entity) await edits.updateEntity(call, { ...precondition, set, remove });
      else await edits.updateRelationship(call, { ...precondition, set, remove, ends });
      return [];
    }
    default:
      return assertNever(plan, "kind of undo");
  }
}

/** What a delete took along and its undo does not bring back. */
function lost({ changes }: RecordedCall, returned: readonly string[]): string[] {
  return changes
    .filter(({ cascaded, recordId }) => cascaded && !returned.includes(recordId))
    .map((each) => each.recordId);
}

function outcomeOf(plan: Undo): {
  readonly done: "deleted" | "restored" | "changed_back";
  readonly keys: readonly string[];
} {
  switch (plan.kind) {
    case "delete":
      return { done: "deleted", keys: [] };
    case "restore":
      return { done: "restored", keys: [] };
    case "update": {
      const ends = plan.ends === undefined ? [] : ["type and ends"];
      return { done: "changed_back", keys: [...Object.keys(plan.set), ...plan.remove, ...ends] };
    }
    default:
      return assertNever(plan, "kind of undo");
  }
}
