import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { Visible } from "./replica-transaction.ts";
import type { StoredReplica } from "./store.ts";
import type { StoredGraph } from "./stored-graph.ts";

/** Where what is seen of a record is found, tombstones included. */
export interface SeenRecords {
  visible(record: RecordId): Visible | undefined;
  /** The same, but made for the moment: for those who go through very many and keep none. */
  glance(record: RecordId): Visible | undefined;
}

/** Finds what is seen by type and by end of edges; kept up to date record by record. */
export class GraphIndex {
  readonly #seen: SeenRecords;
  /** What is seen as it was stored, which is in nothing else. */
  #stored: StoredGraph | undefined;
  readonly #byType = new Map<EntityType, Set<RecordId>>();
  /** Lists, because most ends have few edges, and a set for each would take most of the time that opening takes. */
  readonly #edgesByEnd = new Map<RecordId, RecordId[]>();
  #onChange: (before: Visible | undefined, now: Visible | undefined) => void = () => {};

  constructor(seen: SeenRecords) {
    this.#seen = seen;
  }

  /** Takes in what was stored, before there is anything else. */
  load(stored: StoredReplica["records"]): void {
    if (!("read" in stored)) {
      for (const record of stored) this.#add(record);
      return;
    }
    this.#stored = stored.graph;
    for (const place of stored.graph.dangling) this.#add(stored.read(place));
  }

  /** Takes note of what was seen of a record and what is seen now; undefined: nothing. Returns whether that differs. */
  change(before: Visible | undefined, now: Visible | undefined): boolean {
    if (before?.version === now?.version) return false;
    if (before !== undefined) this.#remove(before);
    if (now !== undefined) this.#add(now);
    this.#onChange(before, now);
    return true;
  }

  /** Calls `listener`, in the place of an earlier one, with what was seen of a record and what is seen now, whenever they differ. */
  watch(listener: (before: Visible | undefined, now: Visible | undefined) => void): void {
    this.#onChange = listener;
  }

  /** The record when it is seen and not deleted. */
  live(record: RecordId): Visible | undefined {
    return unlessDeleted(this.#seen.visible(record));
  }

  /** The same, made for the moment: see {@link SeenRecords}. */
  glance(record: RecordId): Visible | undefined {
    return unlessDeleted(this.#seen.glance(record));
  }

  /** Whether the record is known, and whether it is deleted. */
  standing(record: RecordId): "live" | "deleted" | "unknown" {
    const visible = this.#seen.visible(record);
    if (visible === undefined) return "unknown";
    return visible.deleted ? "deleted" : "live";
  }

  /** Ids of the live entities of a type, or of all. */
  *entities(type?: EntityType): Iterable<RecordId> {
    if (this.#stored !== undefined) yield* this.#stored.entities(type);
    if (type !== undefined) yield* this.#byType.get(type) ?? [];
    else for (const ids of this.#byType.values()) yield* ids;
  }

  /** Whether there is a live entity of this id. */
  isEntity(id: RecordId): boolean {
    return this.#stored?.hasEntity(id) === true || this.live(id)?.content.kind === "entity";
  }

  /** Ids of all live edges, whether or not their ends are live. */
  *edges(): Iterable<RecordId> {
    if (this.#stored !== undefined) yield* this.#stored.edges();
    for (const [end, edges] of this.#edgesByEnd) {
      for (const edge of edges) {
        const content = this.live(edge)?.content;
        if (content?.kind === "relationship" && content.from === end) yield edge;
      }
    }
  }

  /** Ids of the live edges at an entity, in either direction, whether or not the other end is live. */
  edgesAt(entity: RecordId): readonly RecordId[] {
    const edges = this.#edgesByEnd.get(entity) ?? [];
    return this.#stored === undefined ? edges : [...this.#stored.edgesAt(entity), ...edges];
  }

  #add(visible: Visible): void {
    if (visible.deleted) return;
    const content = visible.content;
    if (content.kind === "entity") {
      const ids = this.#byType.get(content.type);
      if (ids === undefined) this.#byType.set(content.type, new Set([visible.record]));
      else ids.add(visible.record);
      return;
    }
    for (const end of endsOf(content)) {
      const edges = this.#edgesByEnd.get(end);
      if (edges === undefined) this.#edgesByEnd.set(end, [visible.record]);
      else edges.push(visible.record);
    }
  }

  #remove(visible: Visible): void {
    if (this.#stored?.remove(visible.record)) return;
    const content = visible.content;
    if (content.kind === "entity") {
      this.#byType.get(content.type)?.delete(visible.record);
      return;
    }
    for (const end of endsOf(content)) {
      const edges = this.#edgesByEnd.get(end) ?? [];
      const at = edges.indexOf(visible.record);
      if (at >= 0) edges.splice(at, 1);
      if (edges.length === 0) this.#edgesByEnd.delete(end);
    }
  }
}

function unlessDeleted(visible: Visible | undefined): Visible | undefined {
  return visible?.deleted === true ? undefined : visible;
}

/** The entities at the ends of an edge, each once. */
function endsOf({ from, to }: { readonly from: RecordId; readonly to: RecordId }): readonly RecordId[] {
  return from === to ? [from] : [from, to];
}
