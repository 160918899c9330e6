import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import { z } from "zod";
import type { CallChange, RecordedCall } from "../../domain/activity-log.ts";
import { type NamesById, namesOf } from "../../domain/edge-text.ts";
import { findRecord } from "../../domain/find-record.ts";
import { parseTimeSpan, sealCursor } from "../../domain/time-span.ts";
import { count, moreWithCursor, presentCursor } from "../present.ts";
import { changeText, endsOf, keptText, recordText } from "../present-call.ts";
import { cursor, limit, moment, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** So many records of one call are named; the others are counted. */
const SHOWN = 10;

/** Who changed what through which assistant. */
export const getActivity = defineTool({
  name: "get_activity",
  title: "Get activity",
  description:
    "Calls of assistants and apps that changed or decided something, newest first: user, assistant, tool, time, the records with " +
    "their versions, and the call_id for undo. Edits made on devices are in get_history.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    record: reference("Only calls that wrote this: id, or an entity's name").optional(),
    user: reference("Only of this user").optional(),
    through: z.enum(["mcp", "api"]).describe("Only assistants (mcp) or apps (api)").optional(),
    since: moment("A time, a date, or how long ago: 24h").optional(),
    until: moment("Like since").optional(),
    limit: limit(20, 100),
    cursor,
  }),
  output: z.object({
    calls: z.array(
      z.object({
        call_id: z.string(),
        at: z.string(),
        user: z.string(),
        through: z.string(),
        assistant: z.string(),
        tool: z.string(),
        changes: z.array(
          z.object({
            change: z.string(),
            id: z.string(),
            type: z.string(),
            what: z.string(),
            version: z.string(),
            before: z.string().optional(),
            along: z.boolean(),
          }),
        ),
        change_count: z.int(),
        kept: z
          .object({ conflict_id: z.string(), id: z.string(), type: z.string(), what: z.string() })
          .describe("Settled a conflict by leaving this as it was")
          .optional(),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, activity, call, clock } = context;
    const span = parseTimeSpan(input, clock);
    const found =
      input.record === undefined ? undefined : await findRecord(graph, call, { text: input.record, field: "record" });
    const page = await activity.listCalls(call, {
      ...span,
      recordId: found?.record.id,
      author: input.user,
      channel: input.through,
      limit: input.limit,
    });
    const shown = page.items.map((item) => ({ ...item, changes: item.changes.slice(0, SHOWN) }));
    const names = await namesOf(
      graph,
      call,
      endsOf(shown.flatMap(({ changes, kept }) => [...changes, ...(kept === undefined ? [] : [kept])])),
    );
    return {
      text: [
        `${count(shown.length, "call")}${moreWithCursor(page)}`,
        ...shown.map((item) => callLine(item, names)),
      ].join("\n"),
      data: {
        calls: shown.map((item) => presentCall(item, names)),
        ...presentCursor({ nextCursor: page.nextCursor && sealCursor(span, page.nextCursor) }),
      },
    };
  },
});

function callLine({ origin, author, committedUs, changes, changeCount, kept }: RecordedCall, names: NamesById): string {
  const [first] = changes;
  const others = changeCount > 1 ? ` and ${changeCount - 1} more` : "";
  const what = kept !== undefined ? keptText(kept, names) : first === undefined ? "nothing" : changeText(first, names);
  const through = [origin.clientName || origin.channel, origin.tool].filter((part) => part !== "").join(", ");
  return `- ${timeText(committedUs)} ${author} (${through}) ${what}${others}; call_id ${origin.callId}`;
}

function presentCall({ origin, author, committedUs, changes, changeCount, kept }: RecordedCall, names: NamesById) {
  return {
    call_id: origin.callId,
    at: timeText(committedUs),
    user: author,
    through: origin.channel,
    assistant: origin.clientName,
    tool: origin.tool,
    changes: changes.map((change) => presentChange(change, names)),
    change_count: changeCount,
    ...(kept && {
      kept: { conflict_id: kept.conflictId, id: kept.recordId, type: kept.type, what: recordText(kept, names) },
    }),
  };
}

function presentChange(recorded: CallChange, names: NamesById) {
  const { change, recordId, type, version, versionBefore, cascaded } = recorded;
  return {
    change,
    id: recordId,
    type,
    what: recordText(recorded, names),
    version,
    ...(versionBefore === undefined ? {} : { before: versionBefore }),
    along: cascaded,
  };
}

function timeText(us: number): string {
  return new Date(us / MICROS_PER_MS).toISOString();
}
