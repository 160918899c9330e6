import { type FieldViolation, invalid } from "@funkygibbon/kernel/errors";
import { type JsonObject, jsonObject } from "@funkygibbon/kernel/json";
import type { BodyChange } from "./commit-job.ts";

/** What an update of a relationship touches. */
export interface RelationshipMask {
  readonly type: boolean;
  readonly from: boolean;
  readonly to: boolean;
  /** Keys of the properties; undefined replaces the properties as a whole. */
  readonly keys: readonly string[] | undefined;
}

const PROPERTIES = "properties.";
const ENDS = ["type", "from_id", "to_id"];

/**
 * What an update does to a body: with a mask only the named keys change, one that is absent from `given` is removed;
 * without one `given` is the body. A path is a whole key, dots and all, because bodies may hold any key.
 * @throws DomainError `invalid` naming `update_mask` for an empty path, and for one that means to reach inside a value.
 */
export function bodyChange(given: JsonObject, keys: readonly string[] | undefined): BodyChange {
  if (keys === undefined) return { kind: "replace", body: given };
  const faults = keys.flatMap((key) => pathFault(key, given));
  if (faults.length > 0) throw invalid(faults);
  const named = new Set(keys);
  return {
    kind: "patch",
    set: jsonObject(Object.entries(given).filter(([key]) => named.has(key))),
    remove: [...named].filter((key) => !Object.hasOwn(given, key)),
  };
}

/** The keys that the mask of an entity update names; undefined: the whole body. */
export function entityMask(paths: readonly string[]): readonly string[] | undefined {
  return paths.length === 0 ? undefined : paths;
}

/**
 * Reads the mask of a relationship update.
 * @throws DomainError `invalid` naming `update_mask` for a path that is none of `type`, `from_id`, `to_id`, `properties.<key>`.
 */
export function relationshipMask(paths: readonly string[]): RelationshipMask {
  const wrong = paths.filter((path) => !ENDS.includes(path) && !path.startsWith(PROPERTIES));
  if (wrong.length > 0) {
    throw invalid(
      wrong.map((path) => fault(`${JSON.stringify(path)} is none of type, from_id, to_id and properties.<key>`)),
    );
  }
  const keys = paths.filter((path) => path.startsWith(PROPERTIES)).map((path) => path.slice(PROPERTIES.length));
  return {
    type: paths.includes("type"),
    from: paths.includes("from_id"),
    to: paths.includes("to_id"),
    keys: paths.length === 0 ? undefined : keys,
  };
}

/** `address.street` beside a key `address` was meant to reach inside a value, which masks cannot: said aloud instead of changing nothing. */
function pathFault(key: string, given: JsonObject): FieldViolation[] {
  if (key === "") return [fault("has an empty path")];
  const [outer = ""] = key.split(".");
  if (outer === key || Object.hasOwn(given, key) || !Object.hasOwn(given, outer)) return [];
  return [fault(`${JSON.stringify(key)} is not a top-level key; name ${JSON.stringify(outer)}`)];
}

function fault(description: string): FieldViolation {
  return { field: "update_mask", description };
}
