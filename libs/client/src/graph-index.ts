import type { EntityType } from "@funkygibbon/kernel/entity-type";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { Visible } from "./replica-transaction.ts";

/** Finds what is seen by type and by end of edges; kept up to date record by record. */
export class GraphIndex {
  readonly #seen = new Map<RecordId, Visible>();
  readonly #byType = new Map<EntityType, Set<RecordId>>();
  /** Lists, because most ends have few edges, and a set for each would take most of the time that opening takes. */
  readonly #edgesByEnd = new Map<RecordId, RecordId[]>();
  #onChange: (before: Visible | undefined, now: Visible | undefined) => void = () => {};

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
    this.#onChange(before, visible);
    return true;
  }

  /** Calls `listener`, in the place of an earlier one, with what was seen of a record and what is seen now, whenever they differ. */
  watch(listener: (before: Visible | undefined, now: Visible | undefined) => void): void {
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
  edgesAt(entity: RecordId): readonly RecordId[] {
    return this.#edgesByEnd.get(entity) ?? [];
  }

  /** Every record that is seen and not deleted. */
  *allLive(): Iterable<Visible> {
    for (const visible of this.#seen.values()) if (!visible.deleted) yield visible;
  }

  #add(visible: Visible): void {
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

/** The entities at the ends of an edge, each once. */
function endsOf({ from, to }: { readonly from: RecordId; readonly to: RecordId }): readonly RecordId[] {
  return from === to ? [from] : [from, to];
}
