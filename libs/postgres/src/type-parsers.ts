import type { Micros } from "@funkygibbon/kernel/clock";
import { internal } from "@funkygibbon/kernel/errors";
import pg from "pg";

const INT8 = 20;
const JSON_TEXT = 114;
const DATE = 1082;
const TIMESTAMPTZ = 1184;
const INT8_ARRAY = 1016;
const TEXT_ARRAY: number = 1009;
const JSONB_TEXT = 3802;

const parseTextArray: (text: string) => (string | null)[] = pg.types.getTypeParser(TEXT_ARRAY, "text");

/**
 * How values of the database appear in Node:
 * - `int8` as number; one beyond ±2^53 fails the statement, select such a column as text.
 * - `timestamptz` as microseconds since 1970.
 * - `json` and `jsonb` as their text: parsing loses the precision of numbers, so whoever wants that does it.
 * - `date` as its text.
 * Everything else as node-pg does: `text`, `uuid` and `numeric` as string, `bytea` as Buffer, arrays as arrays.
 */
export const typeParsers: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    return format === "binary"
      ? pg.types.getTypeParser(oid, format)
      : (OWN_PARSERS.get(oid) ?? pg.types.getTypeParser(oid));
  },
};

const asText = (text: string): string => text;

const OWN_PARSERS = new Map<number, (text: string) => unknown>([
  [INT8, parseInt8],
  [INT8_ARRAY, (text) => parseTextArray(text).map((item) => (item === null ? null : parseInt8(item)))],
  [TIMESTAMPTZ, parseTimestamptz],
  [JSON_TEXT, asText],
  [JSONB_TEXT, asText],
  [DATE, asText],
]);

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw internal(`int8 ${text} is beyond 2^53: select it as text`);
  return value;
}

const TIMESTAMPTZ_TEXT = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00$/;

/** The session's time zone is UTC and its date style ISO, so there is one form: `2026-11-22 09:41:02.581204+00`. */
function parseTimestamptz(text: string): Micros {
  const parts = TIMESTAMPTZ_TEXT.exec(text);
  if (parts === null) throw internal(`unexpected timestamptz ${text}`);
  const [, year, month, day, hour, minute, second, fraction = ""] = parts;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return ms * 1_000 + Number(fraction.padEnd(6, "0"));
}
