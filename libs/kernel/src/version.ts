import { type Micros, nearestMicros } from "./clock.ts";
import { DomainError } from "./errors.ts";
import { type DeviceId, parseDeviceId } from "./ids.ts";

declare const versionBrand: unique symbol;

/**
 * The identity of one edit, exactly as its maker wrote it: `<timestamp>-<device_id>-<sequence>`, for example
 * `2026-11-22T09:41:02.581Z-ada-iphone-12-000417` (docs/protocol.md, section 2).
 */
export type VersionId = string & { readonly [versionBrand]: "VersionId" };

/** A version string, taken apart. */
export interface Version {
  readonly id: VersionId;
  /** The time that the device claims; one before 1684 counts as the first of {@link Micros}, one after 2255 as the last. */
  readonly claimedUs: Micros;
  readonly device: DeviceId;
  /** The device's own counter, 0 to 999,999,999,999,999. */
  readonly sequence: number;
}

/** The largest sequence that a version can hold: 15 digits. */
export const MAX_SEQUENCE = 999_999_999_999_999;

const VERSION =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:Z|\+00:00)?-([A-Za-z0-9._:-]{1,64})-(\d{3,15})$/;
/** The longest text that {@link VERSION} can match; longer ones are refused before the expression runs. */
const MAX_VERSION_LENGTH = 32 + 1 + 64 + 1 + 15;

/**
 * Takes a version apart. Anchored at both ends, so device ids may hold hyphens. Timestamps have 0 to 6 fraction digits
 * and `Z`, `+00:00` or no zone, which is read as UTC.
 * @throws DomainError `invalid`, reason MALFORMED_VERSION, naming `field`.
 */
export function parseVersion(text: string, field = "version"): Version {
  const match = text.length <= MAX_VERSION_LENGTH ? VERSION.exec(text) : null;
  if (match === null) throw malformed(field, "must read <timestamp>-<device_id>-<sequence>");
  const [, year, month, day, hour, minute, second, fraction = "", device = "", sequence] = match;
  const seconds = utcSeconds(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second));
  if (seconds === undefined) throw malformed(field, "has a date or time that does not exist");
  return {
    id: text as VersionId,
    claimedUs: nearestMicros(seconds * 1_000_000 + Number(fraction.padEnd(6, "0"))),
    device: parseDeviceId(device, field),
    sequence: Number(sequence),
  };
}

/** Writes a version with three fraction digits, `Z`, and at least six digits of sequence. */
export function formatVersion(timeUs: Micros, device: DeviceId, sequence: number): VersionId {
  const timestamp = new Date(Math.floor(timeUs / 1_000)).toISOString();
  return `${timestamp}-${device}-${String(sequence).padStart(6, "0")}` as VersionId;
}

function utcSeconds(year: number, month: number, day: number, hour: number, minute: number, second: number) {
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
  if (day < 1 || day > daysOf(year, month)) return undefined;
  // Date.UTC reads years below 100 as of the last century; the calendar repeats every 400 years.
  return Date.UTC(year + 400, month - 1, day, hour, minute, second) / 1_000 - SECONDS_OF_400_YEARS;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const SECONDS_OF_400_YEARS = 146_097 * 86_400;

function malformed(field: string, description: string): DomainError {
  return new DomainError("invalid", `${field}: ${description}`, {
    reason: "MALFORMED_VERSION",
    fields: [{ field, description }],
  });
}
