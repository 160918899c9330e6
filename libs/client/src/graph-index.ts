import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { Visible } from "./replica-transaction.ts";

/** Finds what is seen by type and by end of edges; kept up to date record by record. */
export class GraphIndex {
  readonly #seen = new Map<RecordId, Visible>();
  readonly #byType = new Map<EntityType, Set<RecordId>>();
  readonly #edgesByEnd = new Map<RecordId, Set<RecordId>>();
  #onChange: (record: RecordId) => void = () => {};

  /** Takes note of what is seen of a record now; undefined: nothing any more. Returns whether that differs. */
  set(record: RecordId, visible: Visible | undefined): boolean {
    const before = this.#seen.get(record);
    if (before?.version === visible?.version) {
      if (visible !== undefined) this.#seen.set(record, visible);
      return false;
    }
    if (before !== undefined) this.#remove(before);
    if (visible === undefined) this.#seen.delete(record);
    else this.#seen.set(record, visible);
    if (visible !== undefined && !visible.deleted) this.#add(visible);
    this.#onChange(record);
    return true;
  }

  /** Calls `listener`, in the place of an earlier one, with each record of which something else is seen. */
  watch(listener: (record: RecordId) => void): void {
    this.#onChange = listener;
  }

  /** The record when it is seen and not deleted. */
  live(record: RecordId): Visible | undefined {
    const visible = this.#seen.get(record);
    return visible === undefined || visible.deleted ? undefined : visible;
  }

  /** Whether the record is known, and whether it is deleted. */
  standing(record: RecordId): "live" | "deleted" | "unknown" {
    const visible = this.#seen.get(record);
    if (visible === undefined) return "unknown";
    return visible.deleted ? "deleted" : "live";
  }

  /** Ids of the live entities of a type. */
  ofType(type: EntityType): ReadonlySet<RecordId> {
    return this.#byType.get(type) ?? new Set();
  }

  /** Ids of the live edges at an entity, in either direction, whether or not the other end is live. */
  edgesAt(entity: RecordId): ReadonlySet<RecordId> {
    return this.#edgesByEnd.get(entity) ?? new Set();
  }

  /** Every record that is seen and not deleted. */
  *allLive(): Iterable<Visible> {
    for (const visible of this.#seen.values()) if (!visible.deleted) yield visible;
  }

  #add(visible: Visible): void {
    const content = visible.content;
    if (content.kind === "entity") {
      insert(this.#byType, content.type, visible.record);
      return;
    }
    insert(this.#edgesByEnd, content.from, visible.record);
    insert(this.#edgesByEnd, content.to, visible.record);
  }

  #remove(visible: Visible): void {
    const content = visible.content;
    if (content.kind === "entity") {
      this.#byType.get(content.type)?.delete(visible.record);
      return;
    }
    for (const end of [content.from, content.to]) {
      const edges = this.#edgesByEnd.get(end);
      edges?.delete(visible.record);
      if (edges?.size === 0) this.#edgesByEnd.delete(end);
    }
  }
}

function insert<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}
