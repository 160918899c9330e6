import type { Clock } from "@funkygibbon/kernel/clock";
import { ENDS_KEY } from "@funkygibbon/kernel/content";
import { type JsonObject, jsonGet } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import { z } from "zod";
import type { Entity, EntityRef, Relationship } from "../../domain/graph.ts";
import type { HomeGraph } from "../../domain/home-graph.ts";
import type { RecordDifference } from "../../domain/home-history.ts";
import { parseMoment } from "../../domain/moment.ts";
import type { ToolCall } from "../../domain/tool-call.ts";
import { invalidArguments } from "../../domain/tool-fault.ts";
import { count, moreWithCursor } from "../present.ts";
import { cursor, limit, moment } from "../schemas.ts";
import { defineTool } from "../tool.ts";

/** Longer values are cut: they can be read with get_entity_details. */
const MAX_VALUE_CHARACTERS = 120;

/** What differs between two times. */
export const whatChanged = defineTool({
  name: "what_changed",
  title: "What changed since",
  description:
    "What is different now from a time in the past (or between two): entities and relationships created, updated or " +
    "deleted, each once, with values before and after. For who did it see get_history or get_activity.",
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
        by: z.string().optional(),
        at: z.string().optional(),
        keys: z.array(z.object({ key: z.string(), before: z.string(), after: z.string() })),
      }),
    ),
    next_cursor: z.string().optional(),
  }),
  async run(input, context) {
    const { graph, history, call, clock } = context;
    const { since, until, token } = input.cursor === undefined ? spanOf(input, clock) : openCursor(input.cursor);
    const page = await history.listDifferences(call, { since, until, limit: input.limit, cursor: token });
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
        ...(page.nextCursor === undefined ? {} : { next_cursor: sealCursor({ since, until, token: page.nextCursor }) }),
      },
    };
  },
});

/** Between which times, and from where on. */
interface Span {
  readonly since: Date;
  readonly until: Date | undefined;
  readonly token: string | undefined;
}

function spanOf(input: { readonly since: string; readonly until?: string | undefined }, clock: Clock): Span {
  const since = parseMoment(input.since, { field: "since", clock });
  const until = input.until === undefined ? undefined : parseMoment(input.until, { field: "until", clock });
  if (until === undefined || until >= since) return { since, until, token: undefined };
  throw invalidArguments([{ field: "until", problem: "must not be before since" }]);
}

/** The cursor carries the times: all pages are about the same ones, although `24h` means another time with every call. */
function sealCursor({ since, until, token = "" }: Span): string {
  return [since.getTime(), until?.getTime() ?? "", token].join(".");
}

function openCursor(text: string): Span {
  const [, since, until, token] = /^(\d{1,15})\.(\d{0,15})\.(.+)$/.exec(text) ?? [];
  if (since === undefined || token === undefined) {
    throw invalidArguments([{ field: "cursor", problem: "is not the next_cursor of an answer of this tool" }]);
  }
  return { since: new Date(Number(since)), until: until ? new Date(Number(until)) : undefined, token };
}

type Names = ReadonlyMap<string, string>;

/** A relationship is told by the names of its ends, of which some may be gone. */
async function namesOfEnds(graph: HomeGraph, call: ToolCall, differences: readonly RecordDifference[]): Promise<Names> {
  const records = differences.flatMap(({ before, after }) => [before, after].filter((each) => each !== undefined));
  const known = records.filter((record) => !isRelationship(record)).map(({ id, name }): NamedId => [id, name]);
  const names = new Map(known);
  const ends = records.filter(isRelationship).flatMap(({ fromId, toId }) => [fromId, toId]);
  const found = await graph.getEntities(
    call,
    [...new Set(ends)].filter((id) => !names.has(id)),
  );
  return new Map([...names, ...found.map(({ id, name }): NamedId => [id, name])]);
}

type NamedId = [id: string, name: string];

function isRelationship(record: Entity | Relationship): record is Relationship {
  return "fromId" in record;
}

function presentDifference({ recordId, before, after, changedKeys }: RecordDifference, names: Names) {
  const shown = must(after ?? before, "a record that differs is in one of both graphs");
  return {
    id: recordId,
    change:
      before === undefined ? ("created" as const) : after === undefined ? ("deleted" as const) : ("updated" as const),
    what: isRelationship(shown) ? edgeText(shown, names) : nameText(shown),
    type: shown.type,
    ...(after === undefined || isRelationship(after) ? {} : { by: after.author, at: after.updatedAt }),
    keys: changedKeys.map((key) => ({
      key,
      before: valueText(before, key, names),
      after: valueText(after, key, names),
    })),
  };
}

function nameText({ name }: EntityRef): string {
  return name === "" ? "(no name)" : name;
}

function edgeText({ type, fromId, toId }: Relationship, names: Names): string {
  return `${names.get(fromId) ?? fromId} ${type} ${names.get(toId) ?? toId}`;
}

function valueText(record: Entity | Relationship | undefined, key: string, names: Names): string {
  if (record === undefined) return "not set";
  if (isRelationship(record) && key === ENDS_KEY) return edgeText(record, names);
  const body: JsonObject = isRelationship(record) ? record.properties : record.content;
  const value = jsonGet(body, key);
  if (value === undefined) return "not set";
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE_CHARACTERS ? text : `${text.slice(0, MAX_VALUE_CHARACTERS)}…`;
}

function changeLine({ id, change, what, type, by, at, keys }: ReturnType<typeof presentDifference>): string {
  const who = by === undefined ? "" : `, by ${by} at ${at}`;
  const values = keys.map(({ key, before, after }) => `${key}: ${before} → ${after}`).join("; ");
  return `- ${change} ${what} (${type}, id ${id})${who}${values === "" ? "" : `: ${values}`}`;
}
