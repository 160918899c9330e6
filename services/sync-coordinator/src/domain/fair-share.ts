import type { Micros } from "@funkygibbon/kernel/clock";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { FairTurns } from "./fair-turns.ts";

/** A household that has pushed within this time is somebody to be considerate of. */
const AROUND_US = 1_000_000;
/** What the store plans and writes in the few milliseconds that a neighbour does not notice. */
const CHANGES_BESIDE_OTHERS = 100;
/** A rest is no longer than this: a store that takes longer has more to do than us. */
const MAX_REST_MS = 25;

interface Sighting {
  readonly household: HouseholdId;
  readonly atUs: Micros;
}

/**
 * How much of a push goes to the store at once. A household that is alone may send all of it, which is fastest. Beside
 * others it sends a slice at a time, for whatever the store does for one commit it does in one go, and who comes in
 * between waits for all of it; and after each it rests, or somebody would always come in between.
 */
export class FairShare {
  #newest: Sighting | undefined;
  /** The newest of a household other than the newest. */
  #other: Sighting | undefined;
  readonly #changesAlone: number;
  readonly #turns = new FairTurns({
    atOnce: Number.POSITIVE_INFINITY,
    perHousehold: 1,
    bytesPerHousehold: Number.POSITIVE_INFINITY,
  });

  /** @param limits `changesAlone`: what a household sends at once when nobody else is around. Default all. */
  constructor({ changesAlone = Number.POSITIVE_INFINITY }: { readonly changesAlone?: number } = {}) {
    this.#changesAlone = changesAlone;
  }

  /** The household pushes now: how many changes may go at once. */
  changesAtOnce(household: HouseholdId, nowUs: Micros): number {
    if (this.#newest !== undefined && this.#newest.household !== household) this.#other = this.#newest;
    this.#newest = { household, atUs: nowUs };
    const other = this.#other;
    const isAlone = other === undefined || nowUs - other.atUs >= AROUND_US;
    return isAlone ? this.#changesAlone : CHANGES_BESIDE_OTHERS;
  }

  /**
   * Does what sends one slice after another, one such work of a household at a time: the slices of two pushes of a device
   * in between each other would be out of the order of its sequences, of which the store makes least work.
   */
  inTurn<T>(household: HouseholdId, work: () => Promise<T>): Promise<T> {
    return this.#turns.run(household, work);
  }

  /** Does one slice, and then nothing for as long as that has taken: half of the time the store is the others'. */
  async slice<T>(work: () => Promise<T>): Promise<T> {
    const beganMs = performance.now();
    const result = await work();
    const restMs = Math.min(performance.now() - beganMs, MAX_REST_MS);
    await new Promise((resolve) => setTimeout(resolve, restMs));
    return result;
  }
}
