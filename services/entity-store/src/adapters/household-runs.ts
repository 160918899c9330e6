import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { KnownLog } from "../domain/foresee.ts";

/** One transaction of a household, from its turn in the queue to its answers. */
export interface HouseholdRun {
  /** Resolves when it is over, well or badly; never rejects. */
  readonly ended: Promise<void>;
  /** What the household's log is after it, as far as that is known or foreseen. */
  known: KnownLog | undefined;
}

/** The last run of each household: what the next one has to come after, and may plan upon. */
export class HouseholdRuns {
  readonly #capacity: number;
  /** Least recently used first. */
  readonly #last = new Map<HouseholdId, HouseholdRun>();

  /** @param capacity households that are remembered; forgetting one costs its next commit a round trip. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Puts a run behind the last one of its household, which is given back. */
  begin(household: HouseholdId, run: HouseholdRun): HouseholdRun | undefined {
    const before = this.#last.get(household);
    this.#last.delete(household);
    this.#last.set(household, run);
    for (const oldest of this.#last.keys()) {
      if (this.#last.size <= this.#capacity) break;
      this.#last.delete(oldest);
    }
    return before;
  }
}
