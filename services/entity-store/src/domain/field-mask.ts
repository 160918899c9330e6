import { type FieldViolation, invalid } from "@funkygibbon/kernel/errors";
import { type JsonObject, jsonObject } from "@funkygibbon/kernel/json";

/** What an update of a relationship touches. */
export interface RelationshipMask {
  readonly type: boolean;
  readonly from: boolean;
  readonly to: boolean;
  /** Keys of the properties; undefined replaces the properties as a whole. */
  readonly keys: readonly string[] | undefined;
}

const PROPERTIES = "properties.";

/**
 * The body after an update: with a mask only the named keys change, one that is absent from `given` is removed; without
 * one `given` is the body.
 * @throws DomainError `invalid` naming `update_mask` when a path leads below the top level.
 */
export function applyMask(current: JsonObject, given: JsonObject, keys: readonly string[] | undefined): JsonObject {
  if (keys === undefined) return given;
  const faults = keys.flatMap((key) => pathFault(key, current, given));
  if (faults.length > 0) throw invalid(faults);
  const named = new Set(keys);
  const kept = Object.entries(current).filter(([key]) => !named.has(key));
  const changed = Object.entries(given).filter(([key]) => named.has(key));
  return jsonObject([...kept, ...changed]);
}

/** The keys that the mask of an entity update names; undefined: the whole body. */
export function entityMask(paths: readonly string[]): readonly string[] | undefined {
  return paths.length === 0 ? undefined : [...new Set(paths)];
}

/**
 * Reads the mask of a relationship update.
 * @throws DomainError `invalid` naming `update_mask` for a path that is none of `type`, `from_id`, `to_id`, `properties.<key>`.
 */
export function relationshipMask(paths: readonly string[]): RelationshipMask {
  const known = new Set(["type", "from_id", "to_id"]);
  const wrong = paths.filter((path) => !known.has(path) && !path.startsWith(PROPERTIES));
  if (wrong.length > 0) {
    throw invalid(
      wrong.map((path) => ({
        field: "update_mask",
        description: `${JSON.stringify(path)} is none of type, from_id, to_id and properties.<key>`,
      })),
    );
  }
  const keys = paths.filter((path) => path.startsWith(PROPERTIES)).map((path) => path.slice(PROPERTIES.length));
  return {
    type: paths.includes("type"),
    from: paths.includes("from_id"),
    to: paths.includes("to_id"),
    keys: paths.length === 0 ? undefined : [...new Set(keys)],
  };
}

/**
 * A path is a whole key, dots and all, because bodies may hold any key. A dotted path that is a key of neither body was
 * meant to reach inside a value, which masks cannot: said aloud instead of changing nothing.
 */
function pathFault(key: string, current: JsonObject, given: JsonObject): FieldViolation[] {
  if (!key.includes(".") || Object.hasOwn(current, key) || Object.hasOwn(given, key)) return [];
  return [{ field: "update_mask", description: `${JSON.stringify(key)} is not a top-level key` }];
}
