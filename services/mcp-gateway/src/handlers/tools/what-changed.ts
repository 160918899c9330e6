import { ENDS_KEY } from "@funkygibbon/kernel/content";
import { type JsonObject, jsonGet } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { z } from "zod";
import { edgeText, type NamesById, namesOf } from "../../domain/edge-text.ts";
import type { Entity, Relationship } from "../../domain/graph.ts";
import type { HomeGraph } from "../../domain/home-graph.ts";
import type { RecordDifference } from "../../domain/home-history.ts";
import { nameText } from "../../domain/name-text.ts";
import { parseTimeSpan, sealCursor } from "../../domain/time-span.ts";
import type { ToolCall } from "../../domain/tool-call.ts";
import { count, moreWithCursor, presentCursor, valueText } from "../present.ts";
import { cursor, limit, moment } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** What differs between two times. */
export const whatChanged = defineTool({
  name: "what_changed",
  title: "What changed since",
  description:
    "What is different now from a time in the past (or between two): entities and relationships created, updated or " +
    "deleted, each once, with values before and after, and who gave it its present state.",
  access: "read",
  idempotent: true,
  destructive: false,
  input: z.strictObject({
    since: moment("2026-11-28T09:30:00Z, a date, or how long ago: 90m, 24h, 7d"),
    until: moment("Like since; omit for now").optional(),
    limit: limit(50, 200),
    cursor,
  }),
  output: z.object({
    since: z.string(),
    changes: z.array(
      z.object({
        id: z.string(),
        change: z.enum(["created", "updated", "deleted"]),
        what: z.string(),
        type: z.string(),
        by: z.string(),
        at: z.string(),
        keys: z.array(z.object({ key: z.string(), before: z.string(), after: z.string() })),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, history, call, clock } = context;
    const span = parseTimeSpan(input, clock);
    const since = span.since ?? new Date(0);
    const page = await history.listDifferences(call, { ...span, since, limit: input.limit });
    const names = await namesOfEnds(graph, call, page.items);
    const changes = page.items.map((difference) => presentDifference(difference, names));
    return {
      text: [
        `${count(changes.length, "change")} since ${since.toISOString()}${moreWithCursor(page)}`,
        ...changes.map(changeLine),
      ].join("\n"),
      data: {
        since: since.toISOString(),
        changes,
        ...presentCursor({ nextCursor: page.nextCursor && sealCursor(span, page.nextCursor) }),
      },
    };
  },
});

/** A relationship is told by the names of its ends, of which some may be gone by now. */
async function namesOfEnds(
  graph: HomeGraph,
  call: ToolCall,
  differences: readonly RecordDifference[],
): Promise<NamesById> {
  const records = differences.flatMap(({ before, after }) => [before, after].filter((each) => each !== undefined));
  const entities = records.filter((record) => !isRelationship(record));
  const known = new Map(entities.map(({ id, name }): [id: string, name: string] => [id, name]));
  const ends = records.filter(isRelationship).flatMap(({ fromId, toId }) => [fromId, toId]);
  const others = await namesOf(
    graph,
    call,
    ends.filter((id) => !known.has(id)),
  );
  return new Map([...known, ...others]);
}

function isRelationship(record: Entity | Relationship): record is Relationship {
  return "fromId" in record;
}

function presentDifference({ recordId, before, after, changedKeys, author, at }: RecordDifference, names: NamesById) {
  const shown = must(after ?? before, "a record that differs is in one of both graphs");
  return {
    id: recordId,
    change:
      before === undefined ? ("created" as const) : after === undefined ? ("deleted" as const) : ("updated" as const),
    what: isRelationship(shown) ? edgeText(shown, names) : nameText(shown.name),
    type: shown.type,
    by: author,
    at,
    keys: changedKeys.map((key) => ({
      key,
      before: textOfKey(before, key, names),
      after: textOfKey(after, key, names),
    })),
  };
}

function textOfKey(record: Entity | Relationship | undefined, key: string, names: NamesById): string {
  if (record === undefined) return "not set";
  if (isRelationship(record) && key === ENDS_KEY) return edgeText(record, names);
  const body: JsonObject = isRelationship(record) ? record.properties : record.content;
  return valueText(jsonGet(body, key));
}

function changeLine({ id, change, what, type, by, at, keys }: ReturnType<typeof presentDifference>): string {
  const values = keys.map(({ key, before, after }) => `${nameText(key)}: ${before} → ${after}`).join("; ");
  return `- ${change} ${what} (${type}, id ${id}), by ${by} at ${at}${values === "" ? "" : `: ${values}`}`;
}
