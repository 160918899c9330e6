import { ENTITY_TYPES, SOURCE_TYPES } from "@funkygibbon/kernel/entity-type";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { RELATIONSHIP_TYPES } from "@funkygibbon/kernel/relationship-type";
import { int2Array, textArray, uuidArray } from "@funkygibbon/postgres/binary-array";
import { entityTypes, relationshipTypes, sourceTypes } from "@funkygibbon/wire/graph-types";
import type {
  Direction,
  EntityListQuery,
  ExpandQuery,
  NeighbourQuery,
  RelationshipListQuery,
} from "../domain/graph-reads.ts";

/** The columns `type`s stand for; none stand for all. */
export function entityNumbers(types: EntityListQuery["types"]): Buffer {
  return int2Array((types.length === 0 ? ENTITY_TYPES : types).map((type) => entityTypes.toWire(type)));
}

export function relationshipNumbers(types: RelationshipListQuery["types"]): Buffer {
  return int2Array((types.length === 0 ? RELATIONSHIP_TYPES : types).map((type) => relationshipTypes.toWire(type)));
}

export function sourceNumbers({ sources }: Pick<EntityListQuery, "sources">): Buffer {
  return int2Array((sources.length === 0 ? SOURCE_TYPES : sources).map((source) => sourceTypes.toWire(source)));
}

export function directionFlags(direction: Direction): [out: boolean, into: boolean] {
  return [direction !== "in", direction !== "out"];
}

/** NULL, which is no limit, for more rows than a household can have. */
export function limitOf({ limit }: Pick<ExpandQuery, "limit">): number | null {
  return limit > 2 ** 31 ? null : limit;
}

/** The types that a page goes on with and where in each it starts: only the first of them has been read in part. */
export function startOfTypes({ types, after }: EntityListQuery): { types: Buffer; names: Buffer; ids: Buffer } {
  const wanted = [...new Set(types.length === 0 ? ENTITY_TYPES : types)].map((type) => entityTypes.toWire(type));
  const reached = after === undefined ? 0 : entityTypes.toWire(after.type);
  const left = wanted.filter((type) => type >= reached);
  return {
    types: int2Array(left),
    names: textArray(left.map((type) => (type === reached ? (after?.sortName ?? "") : ""))),
    ids: uuidArray(left.map((type) => (type === reached ? (after?.id ?? null) : null))),
  };
}

/** The parameters of {@link afterNeighbour}. */
export function neighbourPosition({ after }: NeighbourQuery): unknown[] {
  if (after === undefined) return [null, null, null, null];
  return [relationshipTypes.toWire(after.type), after.sortName, after.reached, after.relationship];
}

export type RelationshipIndex = "all" | "from" | "to" | "either";

/** The end by which edges are looked up; further ends only filter. */
export function indexOf(query: RelationshipListQuery): RelationshipIndex {
  if (query.from !== undefined) return "from";
  if (query.to !== undefined) return "to";
  return query.entity === undefined ? "all" : "either";
}

export function relationshipFilter(household: HouseholdId, query: RelationshipListQuery): unknown[] {
  return [household, relationshipNumbers(query.types), query.from ?? null, query.to ?? null, query.entity ?? null];
}
