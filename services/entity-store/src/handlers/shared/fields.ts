import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Micros, nearestMicros } from "@funkygibbon/kernel/clock";
import { invalid } from "@funkygibbon/kernel/errors";
import { parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import { type JsonObject, parseJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import { parseVersion } from "@funkygibbon/kernel/version";
import type { EnumMapping } from "@funkygibbon/wire/enum-mapping";
import type { ExpectedHead } from "../../domain/commit-job.ts";

/** A count that a request may leave at 0. */
export interface CountRule {
  readonly field: string;
  /** What 0 stands for. */
  readonly standard: number;
  readonly maximum: number;
}

/** @throws DomainError `invalid` naming the field for a negative number and for one above the maximum. */
export function parseCount(value: number, { field, standard, maximum }: CountRule): number {
  if (value < 0 || value > maximum) throw invalid([{ field, description: `must be 0 (${standard}) to ${maximum}` }]);
  return value === 0 ? standard : value;
}

/** A point in time; undefined when it is absent. @throws DomainError `invalid` naming `field`. */
export function parseAt(at: Timestamp | undefined, field = "at"): Micros | undefined {
  if (at === undefined) return undefined;
  const { seconds, nanos } = at;
  // The range of google.protobuf.Timestamp: the years 1 to 9999.
  if (seconds < -62_135_596_800n || seconds > 253_402_300_799n || nanos < 0 || nanos > 999_999_999) {
    throw invalid([{ field, description: "must be a time between the years 1 and 9999" }]);
  }
  const micros = Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
  return nearestMicros(micros);
}

/** A time as it travels. */
export function timestampOf(micros: Micros): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(micros / 1_000_000);
  return { seconds: BigInt(seconds), nanos: (micros - seconds * 1_000_000) * 1_000 };
}

/** An enum value that must be there. @throws DomainError `invalid` naming `field` for UNSPECIFIED and unknown values. */
export function parseEnum<Name extends string, Wire extends number>(
  mapping: EnumMapping<Name, Wire>,
  value: Wire,
  field: string,
): Name {
  const name = mapping.fromWire(value);
  if (name === undefined) {
    const description = value === 0 ? "must be set" : `has no value ${value}`;
    throw invalid([{ field, description }]);
  }
  return name;
}

/** A filter by enum values; empty: all. @throws DomainError `invalid` naming the place, for example `types[2]`. */
export function parseEnums<Name extends string, Wire extends number>(
  mapping: EnumMapping<Name, Wire>,
  values: readonly Wire[],
  field: string,
): Name[] {
  return values.map((value, index) => parseEnum(mapping, value, `${field}[${index}]`));
}

/** A list of ids. @throws DomainError `invalid` when there are none, more than `maximum`, or one is no UUID. */
export function parseIds(ids: readonly string[], field: string, maximum: number): RecordId[] {
  if (ids.length === 0) throw invalid([{ field, description: "must hold at least one id" }]);
  if (ids.length > maximum) throw invalid([{ field, description: `must hold at most ${maximum} ids` }]);
  return ids.map((id, index) => parseRecordId(id, `${field}[${index}]`));
}

/** An id that may be left empty. */
export function parseOptionalId(id: string, field: string): RecordId | undefined {
  return id === "" ? undefined : parseRecordId(id, field);
}

/** A body; empty stands for `{}`. @throws DomainError `invalid` naming `field`. */
export function parseBody(text: string, field: string): JsonObject {
  return text === "" ? {} : parseJsonObject(text, BODY_LIMITS, field).value;
}

/** Etags are versions. @throws DomainError `invalid` naming `etag` when it is empty or cannot be one. */
export function parseEtag(etag: string): ExpectedHead {
  if (etag === "*") return "any";
  if (etag === "") {
    throw invalid([{ field: "etag", description: "must be the etag of the version that was seen, or * for any" }]);
  }
  return parseVersion(etag, "etag").id;
}

/** The body of an update: without a mask it must be there, with one the empty text removes the named keys. */
export function parseUpdateBody(text: string, field: string, keys: readonly string[] | undefined): JsonObject {
  return keys === undefined ? parseJsonObject(text, BODY_LIMITS, field).value : parseBody(text, field);
}

const MAX_FILTER_CHARACTERS = 200;

/** A text to filter by. @throws DomainError `invalid` naming `field` for what no stored text can contain. */
export function parseText(text: string, field: string): string {
  if (text.length > MAX_FILTER_CHARACTERS || text.includes("\u0000") || !text.isWellFormed()) {
    throw invalid([{ field, description: `must be at most ${MAX_FILTER_CHARACTERS} characters of text` }]);
  }
  return text;
}
