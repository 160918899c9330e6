import type { Clock } from "@funkygibbon/kernel/clock";
import { parseMoment } from "./moment.ts";
import { invalidArguments } from "./tool-fault.ts";

/** Between which times to look, and from where on. */
export interface TimeSpan {
  readonly since: Date | undefined;
  readonly until: Date | undefined;
  /** Undefined: from the beginning. */
  readonly cursor: string | undefined;
}

/** The arguments that make a span. */
export interface TimeSpanArguments {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly cursor?: string | undefined;
}

const CURSOR = /^(\d{0,15})\.(\d{0,15})\.(.+)$/;

/**
 * What a model asks for. A cursor carries the times with it, so that all pages are about the same ones, although `24h`
 * means another time with every call.
 * @throws ToolFault naming the argument.
 */
export function parseTimeSpan({ since, until, cursor }: TimeSpanArguments, clock: Clock): TimeSpan {
  if (cursor !== undefined) return openCursor(cursor);
  const from = since === undefined ? undefined : parseMoment(since, { field: "since", clock });
  const to = until === undefined ? undefined : parseMoment(until, { field: "until", clock });
  if (from !== undefined && to !== undefined && to < from) {
    throw invalidArguments([{ field: "until", problem: "must not be before since" }]);
  }
  return { since: from, until: to, cursor: undefined };
}

/** The cursor that goes on in the same span. */
export function sealCursor({ since, until }: TimeSpan, cursor: string): string {
  return [since?.getTime() ?? "", until?.getTime() ?? "", cursor].join(".");
}

/** When to look at the graph, and from where on: like a span, with `at` in the place of `since`. */
export function parseAsOf(
  { at, cursor }: { readonly at?: string | undefined; readonly cursor?: string | undefined },
  clock: Clock,
): { readonly at: Date | undefined; readonly cursor: string | undefined } {
  if (cursor !== undefined) {
    const { since, cursor: position } = openCursor(cursor);
    return { at: since, cursor: position };
  }
  return { at: at === undefined ? undefined : parseMoment(at, { field: "at", clock }), cursor: undefined };
}

/** The cursor that goes on at the same time. */
export function sealAsOf(at: Date | undefined, cursor: string): string {
  return sealCursor({ since: at, until: undefined, cursor: undefined }, cursor);
}

function openCursor(text: string): TimeSpan {
  const [, since, until, cursor] = CURSOR.exec(text) ?? [];
  if (cursor === undefined) {
    throw invalidArguments([{ field: "cursor", problem: "is not the next_cursor of an answer of this tool" }]);
  }
  return { since: dateOf(since), until: dateOf(until), cursor };
}

function dateOf(digits: string | undefined): Date | undefined {
  return digits ? new Date(Number(digits)) : undefined;
}
