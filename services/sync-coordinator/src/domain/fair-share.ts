import type { Micros } from "@funkygibbon/kernel/clock";
import type { HouseholdId } from "@funkygibbon/kernel/ids";

/** A household that has pushed within this time is somebody to be considerate of. */
const AROUND_US = 1_000_000;
/** What the store plans and writes in the few milliseconds that a neighbour does not notice. */
const CHANGES_BESIDE_OTHERS = 100;

interface Sighting {
  readonly household: HouseholdId;
  readonly atUs: Micros;
}

/**
 * How much of a push goes to the store at once. A household that is alone may send all of it, which is fastest. Beside
 * others it sends a little at a time: whatever the store does for one commit it does in one go, and who comes in between
 * waits for all of it.
 */
export class FairShare {
  #newest: Sighting | undefined;
  /** The newest of a household other than the newest. */
  #other: Sighting | undefined;

  /** The household pushes now: how many changes may go at once. */
  changesAtOnce(household: HouseholdId, nowUs: Micros): number {
    if (this.#newest !== undefined && this.#newest.household !== household) this.#other = this.#newest;
    this.#newest = { household, atUs: nowUs };
    const other = this.#other;
    return other !== undefined && nowUs - other.atUs < AROUND_US ? CHANGES_BESIDE_OTHERS : Number.POSITIVE_INFINITY;
  }
}
