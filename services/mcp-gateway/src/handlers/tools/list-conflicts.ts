import { z } from "zod";
import type { Conflict, ConflictField } from "../../domain/conflict-inbox.ts";
import { namesOf } from "../../domain/edge-text.ts";
import { findEntity } from "../../domain/find-entity.ts";
import { nameText } from "../../domain/name-text.ts";
import { count, moreWithCursor, presentCursor, valueText } from "../present.ts";
import { cursor, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

const conflictField = z.object({
  field: z.string(),
  device: z.unknown().optional(),
  server: z.unknown().optional(),
  base: z.unknown().optional(),
  decided: z.unknown().optional(),
  rule: z.string(),
});

/** Lists contradictions between edits. */
export const listConflicts = defineTool({
  name: "list_conflicts",
  title: "List conflicts",
  description:
    "Contradicting edits, newest first: those that wait for a person (open) or were settled. Per field the device's, " +
    "the server's and the common earlier value (absent: not set) and what was decided.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    state: z.enum(["open", "settled", "all"]).default("open"),
    entity: reference("Only of this entity: id or unique name").optional(),
    limit: limit(20, 100),
    cursor,
  }),
  output: z.object({
    conflicts: z.array(
      z.object({
        id: z.string(),
        record_id: z.string(),
        record_kind: z.string(),
        name: z.string().optional(),
        type: z.string(),
        decision: z.string(),
        strategy: z.string(),
        fields: z.array(conflictField),
        device_author: z.string(),
        server_author: z.string(),
        opened_at: z.string(),
        etag: z.string(),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, call, conflicts } = context;
    const entity =
      input.entity === undefined
        ? undefined
        : await findEntity(graph, call, { text: input.entity, field: "entity", types: [] });
    const page = await conflicts.listConflicts(call, {
      state: input.state,
      recordId: entity?.id,
      limit: input.limit,
      cursor: input.cursor,
    });
    const entities = page.items.filter(({ recordKind }) => recordKind === "entity");
    const names = await namesOf(
      graph,
      call,
      entities.map(({ recordId }) => recordId),
    );
    const kind = input.state === "all" ? "conflict" : `${input.state} conflict`;
    return {
      text: [
        `${count(page.items.length, kind)}${moreWithCursor(page)}`,
        ...page.items.map((conflict) => conflictLine(conflict, names.get(conflict.recordId))),
      ].join("\n"),
      data: {
        conflicts: page.items.map((conflict) => presentConflict(conflict, names.get(conflict.recordId))),
        ...presentCursor(page),
      },
    };
  },
});

/** `name` of a living entity. */
function conflictLine(
  { id, recordKind, recordId, type, decision, fields }: Conflict,
  name: string | undefined,
): string {
  const record = name === undefined ? `${recordKind} ${recordId}` : `${nameText(name)}, ${recordKind} ${recordId}`;
  const keys = fields.map(({ field, device, server }) => {
    return `${nameText(field)}: ${valueText(device)} against ${valueText(server)}`;
  });
  return `- ${id} (${record}) ${type}, ${decision}; ${keys.join("; ")}`;
}

function presentConflict(conflict: Conflict, name: string | undefined) {
  return {
    id: conflict.id,
    record_id: conflict.recordId,
    record_kind: conflict.recordKind,
    ...(name === undefined ? {} : { name }),
    type: conflict.type,
    decision: conflict.decision,
    strategy: conflict.strategy,
    fields: conflict.fields.map(presentField),
    device_author: conflict.deviceAuthor,
    server_author: conflict.serverAuthor,
    opened_at: conflict.openedAt,
    etag: conflict.etag,
  };
}

function presentField({ field, rule, ...values }: ConflictField) {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  return { field, rule, ...Object.fromEntries(present) };
}
