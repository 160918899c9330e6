import type {
  EntityType as WireEntityType,
  RelationshipType as WireRelationshipType,
} from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { entityTypes, relationshipTypes } from "@funkygibbon/wire/graph-types";
import { ID_LENGTH, type IdList } from "./id-list.ts";

/** More than any number of a type. */
export const EDGE = 64;

/** What finds some records. */
export interface StoredOutlines {
  readonly ids: IdList;
  /** Of each the wire's number for its type, and {@link EDGE} more for an edge; 0: it is deleted. */
  readonly types: Uint8Array;
  /** The ids of both ends of each edge that is not deleted, in their order, as a text for {@link IdList.placeIn}. */
  readonly ends: string;
}

/**
 * Finds unread records by type and by end of edges, in arrays of numbers: a set for each type and a list for each end
 * would take most of the time that opening takes. What changes is taken out for good.
 */
export class StoredGraph {
  readonly #ids: IdList;
  /** As in {@link StoredOutlines}; 0 for what is not in it. */
  readonly #types: Uint8Array;
  /** The place of each edge, twice: once for either end. */
  readonly #edges: Int32Array;
  /** For each place the last of `#edges` at it, and for each of those the one before; 0: there is none. */
  readonly #lastEdge: Int32Array;
  readonly #edgeBefore: Int32Array;
  /** The places of edges that are not in it, because one of their ends is not among the records. */
  readonly dangling: readonly number[];

  /** @throws when they do not fit together, or name a type that does not exist. */
  constructor({ ids, types, ends }: StoredOutlines) {
    const edgeCount = edgesAmong(types);
    if (types.length !== ids.length || ends.length !== 2 * edgeCount * ID_LENGTH) {
      throw new Error(`types or ends are missing among ${ids.length} records`);
    }
    const dangling: number[] = [];
    this.#ids = ids;
    this.#types = types.slice();
    this.#edges = new Int32Array(2 * edgeCount + 1);
    this.#edgeBefore = new Int32Array(2 * edgeCount + 1);
    this.#lastEdge = new Int32Array(types.length);
    let end = 0;
    for (let place = 0; place < types.length; place++) {
      if (numberAt(types, place) < EDGE) continue;
      const from = ids.placeIn(ends, end++);
      const to = ids.placeIn(ends, end++);
      if (from === undefined || to === undefined) {
        this.#types[place] = 0;
        dangling.push(place);
        continue;
      }
      this.#join(end - 1, place, from);
      if (to !== from) this.#join(end, place, to);
    }
    this.dangling = dangling;
  }

  /** Ids of the entities of a type, or of all. */
  *entities(type?: EntityType): Iterable<RecordId> {
    const wanted = type === undefined ? undefined : entityTypes.toWire(type);
    for (let place = 0; place < this.#types.length; place++) {
      const one = numberAt(this.#types, place);
      if (one > 0 && one < EDGE && (wanted ?? one) === one) yield this.#ids.at(place);
    }
  }

  /** Ids of all edges. */
  *edges(): Iterable<RecordId> {
    for (let place = 0; place < this.#types.length; place++) {
      if (numberAt(this.#types, place) >= EDGE) yield this.#ids.at(place);
    }
  }

  /** Whether it has this entity. */
  hasEntity(id: RecordId): boolean {
    const type = numberAt(this.#types, this.#ids.placeOf(id) ?? this.#types.length);
    return type > 0 && type < EDGE;
  }

  /** Ids of the edges at an entity. */
  edgesAt(entity: RecordId): RecordId[] {
    const place = this.#ids.placeOf(entity);
    if (place === undefined) return [];
    const ids: RecordId[] = [];
    for (let at = numberAt(this.#lastEdge, place); at > 0; at = numberAt(this.#edgeBefore, at)) {
      const edge = numberAt(this.#edges, at);
      if (this.#types[edge] !== 0) ids.push(this.#ids.at(edge));
    }
    return ids;
  }

  /** Takes a record out. @returns whether it was in. */
  remove(record: RecordId): boolean {
    const place = this.#ids.placeOf(record);
    if (place === undefined || this.#types[place] === 0) return false;
    this.#types[place] = 0;
    return true;
  }

  #join(number: number, edge: number, end: number): void {
    this.#edges[number] = edge;
    this.#edgeBefore[number] = numberAt(this.#lastEdge, end);
    this.#lastEdge[end] = number;
  }
}

function numberAt(numbers: Int32Array | Uint8Array, index: number): number {
  return numbers[index] ?? 0;
}

function edgesAmong(types: Uint8Array): number {
  let edges = 0;
  for (const type of types) {
    if (type >= EDGE) edges += 1;
    if (type >= EDGE) relationshipTypes.mustFromWire((type - EDGE) as WireRelationshipType);
    else if (type > 0) entityTypes.mustFromWire(type as WireEntityType);
  }
  return edges;
}
