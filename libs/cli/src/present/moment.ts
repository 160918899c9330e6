import { usageError } from "../usage-error.ts";

const MS_OF_UNIT: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const SPAN = /^(\d{1,5})\s?([smhdw])(?: ago)?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?$/i;

/** What a time may be, for helps and errors. */
export const MOMENT_HELP =
  "how long ago (90m, 24h, 7d, 2w), yesterday, 2026-11-28, or 2026-11-28T09:30 (your time zone)";

/** A time as a person writes it; without an offset it is in the zone of this machine. @throws DomainError (usage). */
export function parseMoment(text: string, nowMs: number): Date {
  const ms = millisecondsOf(text.trim(), nowMs);
  if (ms === undefined || Number.isNaN(ms)) throw usageError(`${text} is no time: say ${MOMENT_HELP}`);
  return new Date(ms);
}

function millisecondsOf(text: string, nowMs: number): number | undefined {
  const [, count, unit] = SPAN.exec(text) ?? [];
  if (unit !== undefined) return nowMs - Number(count) * (MS_OF_UNIT[unit] ?? 0);
  if (text === "now") return nowMs;
  if (text === "today" || text === "yesterday") return startOfDay(nowMs, text === "today" ? 0 : 1);
  // With a time and without an offset, JavaScript takes the zone of the machine.
  if (DATE.test(text)) return Date.parse(`${text}T00:00`);
  return TIME.test(text) ? Date.parse(text) : undefined;
}

function startOfDay(nowMs: number, daysAgo: number): number {
  const day = new Date(nowMs);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() - daysAgo).getTime();
}

/** A time for a person: how long ago while that is short, else the day. */
export function agoText(ms: number, nowMs: number): string {
  const seconds = Math.round((nowMs - ms) / 1_000);
  if (seconds < 0) return clockText(ms);
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h ago`;
  return clockText(ms);
}

/** `2026-11-28 09:30`, in the zone of this machine. */
export function clockText(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${timeText(ms).slice(0, 5)}`;
}

/** `09:30:07`, in the zone of this machine. */
export function timeText(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
