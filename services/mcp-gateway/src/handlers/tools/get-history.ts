import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import { must } from "@funkygibbon/kernel/must";
import { z } from "zod";
import { findRecord } from "../../domain/find-record.ts";
import type { HistoryItem } from "../../domain/home-history.ts";
import { nameText } from "../../domain/name-text.ts";
import { count, moreWithCursor, pick, presentCursor } from "../present.ts";
import { cursor, fields, limit, reference } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** What became of a version: `lost` to another edit, or `waits` for a person to decide. */
const BECAME = { applied: "accepted", merged: "merged", superseded: "lost", pending_review: "waits" } as const;

/** Who changed what in a record, and when. */
export const getHistory = defineTool({
  name: "get_history",
  title: "Get history",
  description:
    "Every version of an entity or relationship, newest first, deleted ones too: who made it, when, through which " +
    "assistant or device, and which properties changed. Name fields to see their values in each.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    record: reference("Id of the entity or relationship, or the entity's name"),
    fields,
    limit: limit(20, 200),
    cursor,
  }),
  output: z.object({
    record_id: z.string(),
    kind: z.string(),
    versions: z.array(
      z.object({
        version: z.string(),
        at: z.string(),
        author: z.string(),
        through: z.string(),
        call_id: z.string().optional(),
        became: z.enum(["accepted", "merged", "lost", "waits"]),
        current: z.boolean(),
        deleted: z.boolean(),
        changed: z.array(z.string()),
        fields: z.record(z.string(), z.unknown()).optional(),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, history, call } = context;
    const { kind, record } = await findRecord(graph, call, { text: input.record, field: "record" });
    const { limit: size, cursor: from } = input;
    const page = await history.listVersions(call, { kind, id: record.id, limit: size, cursor: from });
    const versions = page.items.map((item) => presentVersion(item, input.fields));
    return {
      text: [
        `${count(versions.length, "version")} of ${kind} ${record.id}${moreWithCursor(page)}`,
        ...versions.map(versionLine),
      ].join("\n"),
      data: {
        record_id: record.id,
        kind,
        versions,
        ...presentCursor(page),
      },
    };
  },
});

function presentVersion({ version, changedKeys, isHead }: HistoryItem, shown: readonly string[] | undefined) {
  return {
    version: version.version,
    at: new Date(version.committedUs / MICROS_PER_MS).toISOString(),
    author: version.author,
    through: through(version),
    ...(version.origin?.channel === "mcp" ? { call_id: version.origin.callId } : {}),
    became: BECAME[must(version.outcome, "a stored version has an outcome")],
    current: isHead,
    deleted: version.deleted,
    changed: [...changedKeys],
    ...(shown === undefined ? {} : { fields: pick(version.content.body ?? {}, shown) }),
  };
}

/** `mcp: Assistant, update_entity`, or the device. */
function through({ origin, device }: HistoryItem["version"]): string {
  if (origin === undefined) return device;
  return `${origin.channel}: ${[origin.clientName, origin.tool].filter((part) => part !== "").join(", ")}`;
}

function versionLine(version: ReturnType<typeof presentVersion>): string {
  const { at, author, became, current, deleted, changed } = version;
  const what = deleted ? "deleted" : `changed ${changed.map(nameText).join(", ") || "nothing"}`;
  const values = version.fields === undefined ? "" : ` ${JSON.stringify(version.fields)}`;
  const call = version.call_id === undefined ? "" : `, call ${version.call_id}`;
  return `- ${at} ${author} (${version.through}${call}) ${what}; ${became}${current ? ", current" : ""}${values}`;
}
