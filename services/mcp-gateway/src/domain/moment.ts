import { type Clock, MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import { invalidArguments, type ToolFault } from "./tool-fault.ts";

const MS_OF_UNIT: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const SPAN = /^(\d{1,5})\s?([mhdw])$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})?$/;
const ZONE = /([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * A time as a model writes it: RFC 3339 (without an offset: UTC), a date (its beginning in UTC), or how long ago: `90m`,
 * `24h`, `7d`, `2w`. Not later than now.
 * @throws ToolFault naming `field`.
 */
export function parseMoment(text: string, { field, clock }: { readonly field: string; readonly clock: Clock }): Date {
  const nowMs = clock.now() / MICROS_PER_MS;
  const ms = millisecondsOf(text.trim(), nowMs);
  if (ms === undefined) throw wrongMoment(field, "is no time");
  if (ms > nowMs) throw wrongMoment(field, `lies in the future; now is ${new Date(nowMs).toISOString()}`);
  return new Date(ms);
}

function millisecondsOf(text: string, nowMs: number): number | undefined {
  const [, count, unit] = SPAN.exec(text) ?? [];
  if (unit !== undefined) return nowMs - Number(count) * (MS_OF_UNIT[unit] ?? 0);
  if (!DATE.test(text) && !TIME.test(text)) return undefined;
  // Without an offset JavaScript would take its own zone.
  const ms = Date.parse(DATE.test(text) || ZONE.test(text) ? text : `${text}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

function wrongMoment(field: string, problem: string): ToolFault {
  const hint = "write 2026-11-28T09:30:00Z, a date, or how long ago: 90m, 24h, 7d, 2w";
  return invalidArguments([{ field, problem: `${problem}; ${hint}` }]);
}
