import type { RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";
import type { ValidChange } from "./prepared-change.ts";

/**
 * The edits of a push by what depends on what. A push may hold its edits in any order; they are planned in the order
 * in which the device made them, which is its sequence.
 */
export class PushOrder {
  readonly inOrder: readonly ValidChange[];
  readonly #byVersion = new Map<VersionId, ValidChange>();
  readonly #byRecord = new Map<RecordId, ValidChange[]>();

  constructor(changes: readonly ValidChange[]) {
    this.inOrder = changes.toSorted(byDependence);
    for (const change of this.inOrder) {
      this.#byVersion.set(change.version, change);
      const ofRecord = this.#byRecord.get(change.record) ?? [];
      ofRecord.push(change);
      this.#byRecord.set(change.record, ofRecord);
    }
  }

  /** The edits of this push that a change builds on directly. Nothing builds on what was made after it, whatever it says. */
  parentsOf(change: ValidChange): ValidChange[] {
    return change.parents.flatMap((parent) => {
      const found = this.#byVersion.get(parent);
      return found?.record === change.record && byDependence(found, change) < 0 ? [found] : [];
    });
  }

  /** The edits of one record, in order. */
  of(record: RecordId): readonly ValidChange[] {
    return this.#byRecord.get(record) ?? [];
  }
}

/** Heals come first, nodes before edges: they restore a state. Then the edits by sequence. */
function byDependence(a: ValidChange, b: ValidChange): number {
  if (a.heal === undefined || b.heal === undefined) {
    return rank(a) - rank(b) || a.sequence - b.sequence;
  }
  const kinds = Number(a.content.kind === "relationship") - Number(b.content.kind === "relationship");
  return kinds || a.heal.effectiveUs - b.heal.effectiveUs || a.sequence - b.sequence;
}

function rank(change: ValidChange): number {
  return change.heal === undefined ? 1 : 0;
}
