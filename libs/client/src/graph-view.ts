import { ENTITY_TYPES, type EntityType, SOURCE_TYPES, type SourceType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { type JsonObject, type JsonValue, jsonGet } from "@funkygibbon/kernel/json";
import { must } from "@funkygibbon/kernel/must";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import type { Match } from "@funkygibbon/kernel/search-match";
import { fold } from "@funkygibbon/kernel/search-text";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import { mustBeOneOf, mustBeOptions, type OptionNames } from "./given-options.ts";
import type { GraphIndex } from "./graph-index.ts";
import { bodyOf } from "./replica-record.ts";
import type { Visible } from "./replica-transaction.ts";
import { SearchIndex } from "./search-index.ts";
import { type PathOptions, shortestPath } from "./shortest-path.ts";

/** A node, as this device sees it: its own edits included. */
export interface EntityView {
  readonly kind: "entity";
  readonly id: RecordId;
  readonly type: EntityType;
  /** The body's `name` when it is a text, else empty. */
  readonly name: string;
  readonly body: JsonObject;
  readonly source: SourceType;
  readonly version: VersionId;
  /** An edit of this device that the base does not hold yet. */
  readonly edited: boolean;
}

/** An edge with two live ends, as this device sees it. */
export interface RelationshipView {
  readonly kind: "relationship";
  readonly id: RecordId;
  readonly type: RelationshipType;
  readonly from: RecordId;
  readonly to: RecordId;
  readonly properties: JsonObject;
  readonly source: SourceType;
  readonly version: VersionId;
  /** See {@link EntityView}. */
  readonly edited: boolean;
}

/** An entity one step away, and the edge that leads there. */
export interface Neighbour {
  readonly entity: EntityView;
  readonly relationship: RelationshipView;
  /** The edge was followed from `to` to `from`. */
  readonly inverse: boolean;
}

/** What is looked for; everything named has to hold. */
export interface FindOptions {
  readonly type?: EntityType;
  readonly source?: SourceType;
  /** A part of the name; case and accents do not count. */
  readonly name?: string;
  /** What is located in this room (or zone, or home), or is part of something there, over any number of steps. */
  readonly room?: RecordId;
  /** Words that occur in it, as search understands them, except that what is merely alike does not count. */
  readonly text?: string;
  readonly where?: (entity: EntityView) => boolean;
}

/** How a search is cut. */
export interface SearchOptions {
  /** Default: all. */
  readonly types?: readonly EntityType[];
  /** Default 20. */
  readonly limit?: number;
}

const FIND_OPTIONS: OptionNames<FindOptions> = {
  type: true,
  source: true,
  name: true,
  room: true,
  text: true,
  where: true,
};
const SEARCH_OPTIONS: OptionNames<SearchOptions> = { types: true, limit: true };

/** An entity that answers a search, and how: `match.highlight` holds the matching text, the match between `\u0002` and `\u0003`. */
export interface SearchHit {
  readonly entity: EntityView;
  readonly match: Match;
}

const DEFAULT_SEARCH_LIMIT = 20;
const INSIDE: readonly RelationshipType[] = ["located_in", "part_of"];

/** Which steps are taken. */
export interface NeighbourOptions {
  readonly types?: readonly RelationshipType[];
  /** `out`: from `from` to `to`; default both. */
  readonly direction?: "out" | "in" | "both";
  readonly entityTypes?: readonly EntityType[];
}

/**
 * Questions to the local graph. Answers are as of now, need no network, and are sorted by name, then id. What records say
 * is frozen: it is the same object for everybody who asks.
 */
export class GraphView {
  readonly #index: GraphIndex;
  /** Parsed once per version; forgotten with the record. */
  readonly #bodies = new WeakMap<Visible, JsonObject>();
  #searchIndex: SearchIndex | undefined;

  constructor(index: GraphIndex) {
    this.#index = index;
  }

  /** The entity, unless there is none, or it is deleted. */
  entity(id: RecordId): EntityView | undefined {
    const visible = this.#index.live(id);
    if (visible === undefined || visible.content.kind !== "entity") return undefined;
    const body = this.#body(visible);
    const name = jsonGet(body, "name");
    return {
      kind: "entity",
      id,
      type: visible.content.type,
      name: typeof name === "string" ? name : "",
      body,
      source: visible.content.source,
      version: visible.version,
      edited: "state" in visible,
    };
  }

  /** The edge, unless it is deleted or one of its ends is not live. */
  relationship(id: RecordId): RelationshipView | undefined {
    const visible = this.#index.live(id);
    if (visible === undefined || visible.content.kind !== "relationship") return undefined;
    const { type, from, to, source } = visible.content;
    if (!this.#index.isEntity(from) || !this.#index.isEntity(to)) return undefined;
    const properties = this.#body(visible);
    return {
      kind: "relationship",
      id,
      type,
      from,
      to,
      properties,
      source,
      version: visible.version,
      edited: "state" in visible,
    };
  }

  /** Whether this device knows the record, and whether it is deleted. An edge counts as live even while an end is not. */
  standing(id: RecordId): "live" | "deleted" | "unknown" {
    return this.#index.standing(id);
  }

  /** The entities that match. @throws DomainError `invalid` for what is no option, no type or no source. */
  find(options: FindOptions = {}): readonly EntityView[] {
    mustBeOptions(options, FIND_OPTIONS);
    const { type, source, text, where } = options;
    if (type !== undefined) mustBeOneOf(ENTITY_TYPES, type, "type");
    if (source !== undefined) mustBeOneOf(SOURCE_TYPES, source, "source");
    const answering = text === undefined ? undefined : this.#words().answering(text);
    const part = options.name === undefined ? undefined : fold(options.name);
    const found: EntityView[] = [];
    for (const id of this.#candidates(options, answering)) {
      const entity = answering?.has(id) === false ? undefined : this.entity(id);
      if (entity === undefined || (type !== undefined && entity.type !== type)) continue;
      if (source !== undefined && entity.source !== source) continue;
      if (part !== undefined && !fold(entity.name).includes(part)) continue;
      if (where === undefined || where(entity)) found.push(entity);
    }
    return found.sort(byName);
  }

  /**
   * The entities that answer a query in words, best first: as the server's search, of what this device has.
   * @throws DomainError `invalid` for what is no option or no type.
   */
  search(query: string, options: SearchOptions = {}): readonly SearchHit[] {
    mustBeOptions(options, SEARCH_OPTIONS);
    const { types, limit = DEFAULT_SEARCH_LIMIT } = options;
    for (const type of types ?? []) mustBeOneOf(ENTITY_TYPES, type, "types");
    return this.#words()
      .search(query, { types, limit })
      .map(({ id, match }) => ({ entity: must(this.entity(id), "what is searched is live"), match }));
  }

  /**
   * Reads what searches need for about so many milliseconds: a first search reads all that is left, which of 50,000 records
   * takes some tenths of a second. Clients of Node and of browsers call it by themselves. @returns whether nothing is left.
   */
  prepareSearch(forMs: number): boolean {
    return this.#words().readOn(forMs);
  }

  /**
   * A shortest way from one entity to another over at most `maxDepth` edges (default 10); empty when they are the same,
   * undefined when there is none.
   */
  path(from: RecordId, to: RecordId, options: PathOptions = {}): readonly Neighbour[] | undefined {
    const steps = shortestPath((id) => this.#edgesAt(id), { ...options, from, to });
    return steps?.map(({ edge, reached, inverse }) => ({
      entity: must(this.entity(reached), "edges of the graph have live ends"),
      relationship: must(this.relationship(edge), "the path is over edges of the graph"),
      inverse,
    }));
  }

  /** Every edge with two live ends. */
  relationships(): readonly RelationshipView[] {
    const edges: RelationshipView[] = [];
    for (const id of this.#index.edges()) {
      const edge = this.relationship(id);
      if (edge !== undefined) edges.push(edge);
    }
    return edges;
  }

  /** The rooms of the household. */
  rooms(): readonly EntityView[] {
    return this.find({ type: "room" });
  }

  /** The devices located in a room. */
  devicesIn(room: RecordId): readonly EntityView[] {
    const inside = this.neighbours(room, { types: ["located_in"], direction: "in", entityTypes: ["device"] });
    return inside.map(({ entity }) => entity);
  }

  /** What is one step away. */
  neighbours(id: RecordId, options: NeighbourOptions = {}): readonly Neighbour[] {
    const { types, direction = "both", entityTypes } = options;
    const found: Neighbour[] = [];
    for (const { edge, reached, inverse, relationship: seen } of this.#edgesAt(id)) {
      if (types !== undefined && !types.includes(seen.type)) continue;
      if ((direction === "out" && inverse) || (direction === "in" && !inverse)) continue;
      const entity = this.entity(reached);
      const relationship = this.relationship(edge);
      if (entity === undefined || relationship === undefined) continue;
      if (entityTypes === undefined || entityTypes.includes(entity.type)) found.push({ entity, relationship, inverse });
    }
    return found.sort((a, b) => byName(a.entity, b.entity));
  }

  *#candidates({ type, room }: FindOptions, answering: ReadonlySet<RecordId> | undefined): Iterable<RecordId> {
    if (room !== undefined) yield* this.#inside(room);
    else if (answering !== undefined) yield* answering;
    else yield* this.#index.entities(type);
  }

  /** Everything located in a place, or part of something there. */
  #inside(place: RecordId): ReadonlySet<RecordId> {
    const inside = new Set<RecordId>();
    // Grows while it is gone through: what is inside of something inside is inside.
    const waiting = [place];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      for (const { relationship, reached } of this.#edgesAt(at)) {
        if (relationship.to !== at || !INSIDE.includes(relationship.type) || inside.has(reached)) continue;
        inside.add(reached);
        waiting.push(reached);
      }
    }
    return inside;
  }

  /** The live edges at an entity, and where each leads. */
  *#edgesAt(id: RecordId) {
    for (const edge of this.#index.edgesAt(id)) {
      const content = this.#index.live(edge)?.content;
      if (content?.kind !== "relationship") continue;
      const inverse = content.from !== id;
      const reached = inverse ? content.from : content.to;
      if (this.#index.isEntity(reached) && this.#index.isEntity(id))
        yield { edge, relationship: content, reached, inverse };
    }
  }

  #words(): SearchIndex {
    this.#searchIndex ??= new SearchIndex(this.#index);
    return this.#searchIndex;
  }

  #body(visible: Visible): JsonObject {
    let body = this.#bodies.get(visible);
    if (body === undefined) {
      body = bodyOf(visible);
      freeze(body);
      this.#bodies.set(visible, body);
    }
    return body;
  }
}

function freeze(value: JsonValue): void {
  if (typeof value !== "object" || value === null) return;
  for (const part of Object.values(value)) freeze(part);
  Object.freeze(value);
}

function byName(a: EntityView, b: EntityView): number {
  return compareUtf8(a.name, b.name) || compareUtf8(a.id, b.id);
}
