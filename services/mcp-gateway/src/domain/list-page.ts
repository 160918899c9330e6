import type { Page } from "./graph.ts";
import { invalidArguments } from "./tool-fault.ts";

/** Which part of a list that is worked out here, not read in pages. */
export interface ListPage<T> {
  /** What the list is about: a cursor of another one is refused. */
  readonly about: string;
  /** What the list is ordered by, different for each item. */
  readonly keyOf: (item: T) => string;
  readonly limit: number;
  /** From the last page's answer. */
  readonly cursor: string | undefined;
}

/** The part of a list that comes after the cursor. @throws ToolFault naming the cursor when it is none of this list. */
export function pageOfList<T>(all: readonly T[], { about, keyOf, limit, cursor }: ListPage<T>): Page<T> {
  const after = cursor === undefined ? undefined : openCursor(cursor, about);
  const rest = all
    .map((item) => ({ item, key: keyOf(item) }))
    .filter(({ key }) => after === undefined || key > after)
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const shown = rest.slice(0, limit);
  const last = rest.length > limit ? shown.at(-1) : undefined;
  return {
    items: shown.map(({ item }) => item),
    nextCursor: last && Buffer.from(JSON.stringify([about, last.key])).toString("base64url"),
    total: all.length,
  };
}

/** Enough to tell names apart, and short enough for a cursor that names two things. */
const MAX_NAME = 60;

/** Orders by name; equal names by what tells them apart. */
export function nameKey(name: string, id: string): string {
  return `${name.slice(0, MAX_NAME).toLowerCase()}\u0000${id}`;
}

function openCursor(text: string, about: string): string {
  const [list, key] = parse(Buffer.from(text, "base64url").toString());
  if (list === about && typeof key === "string") return key;
  throw invalidArguments([{ field: "cursor", problem: "is not the next_cursor of an answer to this question" }]);
}

function parse(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
