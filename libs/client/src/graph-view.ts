import type { EntityType, SourceType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { type JsonObject, jsonGet } from "@funkygibbon/kernel/json";
import type { RelationshipType } from "@funkygibbon/kernel/relationship-type";
import { compareUtf8 } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { GraphIndex } from "./graph-index.ts";
import type { Visible } from "./replica-transaction.ts";

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
  /** A part of the name, in any case. */
  readonly name?: string;
  readonly where?: (entity: EntityView) => boolean;
}

/** Which steps are taken. */
export interface NeighbourOptions {
  readonly types?: readonly RelationshipType[];
  /** `out`: from `from` to `to`; default both. */
  readonly direction?: "out" | "in" | "both";
  readonly entityTypes?: readonly EntityType[];
}

/** Questions to the local graph. Answers are as of now, need no network, and are sorted by name, then id. */
export class GraphView {
  readonly #index: GraphIndex;
  /** Parsed once per version; forgotten with the record. */
  readonly #bodies = new WeakMap<Visible, JsonObject>();

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
    if (!this.#isLiveEntity(from) || !this.#isLiveEntity(to)) return undefined;
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

  /** The entities that match. */
  find(options: FindOptions = {}): readonly EntityView[] {
    const part = options.name?.toLowerCase();
    const found: EntityView[] = [];
    for (const id of this.#candidates(options.type)) {
      const entity = this.entity(id);
      if (entity === undefined || (part !== undefined && !entity.name.toLowerCase().includes(part))) continue;
      if (options.where === undefined || options.where(entity)) found.push(entity);
    }
    return found.sort(byName);
  }

  /** Every edge with two live ends. */
  relationships(): readonly RelationshipView[] {
    const edges: RelationshipView[] = [];
    for (const visible of this.#index.allLive()) {
      const edge = this.relationship(visible.record);
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
    for (const edgeId of this.#index.edgesAt(id)) {
      const relationship = this.relationship(edgeId);
      if (relationship === undefined || (types !== undefined && !types.includes(relationship.type))) continue;
      const inverse = relationship.from !== id;
      if ((direction === "out" && inverse) || (direction === "in" && !inverse)) continue;
      const entity = this.entity(inverse ? relationship.from : relationship.to);
      if (entity === undefined || (entityTypes !== undefined && !entityTypes.includes(entity.type))) continue;
      found.push({ entity, relationship, inverse });
    }
    return found.sort((a, b) => byName(a.entity, b.entity));
  }

  *#candidates(type: EntityType | undefined): Iterable<RecordId> {
    if (type !== undefined) yield* this.#index.ofType(type);
    else for (const visible of this.#index.allLive()) yield visible.record;
  }

  #isLiveEntity(id: RecordId): boolean {
    return this.#index.live(id)?.content.kind === "entity";
  }

  #body(visible: Visible): JsonObject {
    let body = this.#bodies.get(visible);
    if (body === undefined) {
      body = JSON.parse(visible.content.bodyJson) as JsonObject;
      this.#bodies.set(visible, body);
    }
    return body;
  }
}

function byName(a: EntityView, b: EntityView): number {
  return compareUtf8(a.name, b.name) || compareUtf8(a.id, b.id);
}
