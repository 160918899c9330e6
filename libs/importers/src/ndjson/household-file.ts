import { ENTITY_TYPES, type EntityType, SOURCE_TYPES, type SourceType } from "@funkygibbon/kernel/entity-type";
import { isUuid, parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { parseJsonObject } from "@funkygibbon/kernel/json";
import { BODY_LIMITS } from "@funkygibbon/kernel/limits";
import { RELATIONSHIP_TYPES, type RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { SourceFile } from "../import-format.ts";
import { JsonPlace, malformed, mustDiffer } from "../json-place.ts";

/** The format of the lines that we read and write; `entity-store export` writes the same. */
export const HOUSEHOLD_FORMAT = 1;

/** One version of a record in a household file. */
export interface FileVersion {
  readonly id: RecordId;
  readonly content:
    | { readonly kind: "entity"; readonly type: EntityType }
    | {
        readonly kind: "relationship";
        readonly type: RelationshipType;
        readonly from: RecordId;
        readonly to: RecordId;
      };
  /** Undefined in tombstones and where retention took it. */
  readonly body: JsonObject | undefined;
  readonly source: SourceType;
  readonly deleted: boolean;
  /** What counts in the household that was exported. */
  readonly isHead: boolean;
}

/**
 * Reads a household file: a household line, version lines, others that say nothing of the graph, an end line that says
 * how many lines came before it.
 * @throws DomainError `invalid` naming the line at fault, and when the file is not whole.
 */
export function parseHouseholdFile({ name, text }: SourceFile): readonly FileVersion[] {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  if (lines.at(-1) === "") lines.pop();
  const places = lines.map((line, index) => placeOf(name, line, index + 1));
  const kinds = places.map((place) => place.at("line").text());
  if (kinds[0] !== "household") throw malformed(name, "line 1", "must be the household");
  const format = places[0]?.at("format");
  if (format?.value !== HOUSEHOLD_FORMAT) throw malformed(name, "line 1", `must have the format ${HOUSEHOLD_FORMAT}`);
  const count = places.at(-1);
  if (kinds.at(-1) !== "end" || count === undefined) {
    throw malformed(name, `line ${lines.length}`, "must be the end line: the file is not whole");
  }
  if (count.at("lines").value !== lines.length - 1) {
    throw malformed(name, `line ${lines.length}`, `does not count the ${lines.length - 1} lines before it`);
  }
  const versions = places.filter((_place, index) => kinds[index] === "version");
  const heads = versions.filter((place) => place.at("head").value === true).map((place) => place.at("id"));
  mustDiffer(heads, recordIdAt);
  return versions.map(versionAt);
}

function placeOf(file: string, line: string, number: number): JsonPlace {
  const place = `line ${number}`;
  try {
    return new JsonPlace(file, place, JSON.parse(line));
  } catch (error) {
    throw malformed(file, place, `is not JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function versionAt(place: JsonPlace): FileVersion {
  return {
    id: recordIdAt(place.at("id")),
    content: contentAt(place.at("content")),
    body: bodyAt(place.at("body")),
    source: oneOf(SOURCE_TYPES, place.at("source")),
    deleted: place.at("deleted").value === true,
    isHead: place.at("head").value === true,
  };
}

function contentAt(place: JsonPlace): FileVersion["content"] {
  const kind = place.at("kind").text();
  if (kind === "entity") return { kind, type: oneOf(ENTITY_TYPES, place.at("type")) };
  if (kind !== "relationship") throw place.at("kind").fault("must be entity or relationship");
  const ends = { from: recordIdAt(place.at("from")), to: recordIdAt(place.at("to")) };
  return { kind, type: oneOf(RELATIONSHIP_TYPES, place.at("type")), ...ends };
}

function bodyAt(place: JsonPlace): JsonObject | undefined {
  if (place.isAbsent) return undefined;
  try {
    return parseJsonObject(place.text(), BODY_LIMITS, "body").value;
  } catch (error) {
    throw place.fault(error instanceof Error ? `is no body: ${error.message}` : "is no body");
  }
}

function recordIdAt(place: JsonPlace): RecordId {
  const text = place.text();
  if (!isUuid(text)) throw place.fault("must be a UUID");
  return parseRecordId(text);
}

function oneOf<T extends string>(known: readonly T[], place: JsonPlace): T {
  const text = place.text();
  const found = known.find((one) => one === text);
  if (found === undefined) throw place.fault(`must be one of ${known.join(", ")}`);
  return found;
}
