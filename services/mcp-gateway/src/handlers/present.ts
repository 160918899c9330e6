import { type JsonObject, type JsonValue, jsonGet, jsonObject } from "@funkygibbon/kernel/json";
import type { z } from "zod";
import type { Entity, EntityRef, Neighbour, Page } from "../domain/graph.ts";
import { nameText } from "../domain/name-text.ts";
import type { CallContext } from "./feature.ts";
import type { entityList, entitySummary, related, writeReceipt, writtenEntity } from "./schemas.ts";

/** Id, type and name. */
export function presentRef({ id, type, name }: EntityRef) {
  return { id, type, name };
}

/** An entity in a list, with the properties that were asked for and are there. */
export function presentSummary(entity: Entity, fields: readonly string[] | undefined): z.input<typeof entitySummary> {
  const summary = { ...presentRef(entity), updated_at: entity.updatedAt };
  return fields === undefined ? summary : { ...summary, fields: pick(entity.content, fields) };
}

/** One page of entities. */
export function presentPage(
  page: Page<Entity>,
  fields: readonly string[] | undefined,
): z.input<z.ZodObject<typeof entityList>> {
  return {
    entities: page.items.map((entity) => presentSummary(entity, fields)),
    ...(page.total === undefined ? {} : { total: page.total }),
    ...presentCursor(page),
  };
}

/** An entity that is related to the one in question. */
export function presentRelated({ relation, entity }: Pick<Neighbour, "relation" | "entity">): z.input<typeof related> {
  return { relation, entity: presentRef(entity) };
}

/** An entity that was written. */
export function presentWritten(entity: Entity): z.input<typeof writtenEntity> {
  return { ...presentRef(entity), version: entity.version, etag: entity.etag };
}

/** What tells a write apart in history. */
export function presentReceipt(
  context: CallContext,
  options: { readonly dryRun: boolean },
): z.input<z.ZodObject<typeof writeReceipt>> {
  return { dry_run: options.dryRun, call_id: context.call.callId };
}

/** `Kitchen lamp (device, id 0192…)`. */
export function describe({ id, type, name }: EntityRef): string {
  return `${nameText(name)} (${type}, id ${id})`;
}

/** One line per entity, with the properties that were asked for. */
export function describeList(summaries: readonly z.input<typeof entitySummary>[]): string {
  return summaries
    .map(({ id, type, name, fields }) => {
      const line = `- ${nameText(name)} (${type}, id ${id})`;
      return fields === undefined ? line : `${line} ${JSON.stringify(fields)}`;
    })
    .join("\n");
}

/** `3 devices`, `1 device`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** The first line of a page: how many there are, and how many are shown. */
export function countOfPage(page: Page<unknown>, noun: string): string {
  const total = page.total ?? page.items.length;
  if (page.items.length === total && page.nextCursor === undefined) return count(total, noun);
  const known = page.total === undefined ? `The first ${count(page.items.length, noun)}` : count(total, noun);
  return `${known}, ${page.items.length} shown here; more with next_cursor`;
}

/** Longer values are cut: they can be read with get_entity_details. */
const MAX_VALUE_CHARACTERS = 120;

/** A value of a property within a line, as JSON. */
export function valueText(value: JsonValue | undefined): string {
  if (value === undefined) return "not set";
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE_CHARACTERS ? text : `${text.slice(0, MAX_VALUE_CHARACTERS)}…`.toWellFormed();
}

/** Where the next page is, when there is one. */
export function presentCursor({ nextCursor }: Pick<Page<unknown>, "nextCursor">): { readonly next_cursor?: string } {
  return nextCursor === undefined ? {} : { next_cursor: nextCursor };
}

/** What stands behind a count of items when there are more pages. */
export function moreWithCursor({ nextCursor }: Pick<Page<unknown>, "nextCursor">): string {
  return nextCursor === undefined ? "" : ", more with next_cursor";
}

/** The own keys of `content` that are among `keys`. */
export function pick(content: JsonObject, keys: readonly string[]): JsonObject {
  return jsonObject(
    keys.flatMap((key) => {
      const value = jsonGet(content, key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}
