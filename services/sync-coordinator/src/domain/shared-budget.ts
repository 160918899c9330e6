import type { HouseholdId } from "@funkygibbon/kernel/ids";

/**
 * An amount of something that households share. Each may have as much as stays free for others: one alone has half, two a
 * third each, and whoever comes next finds room.
 */
export class SharedBudget {
  readonly #total: number;
  readonly #ofHouseholds = new Map<HouseholdId, number>();
  #used = 0;

  constructor(total: number) {
    this.#total = total;
  }

  get used(): number {
    return this.#used;
  }

  /** What is larger than the whole budget may still be taken, by itself. */
  mayTake(household: HouseholdId, amount: number): boolean {
    const before = this.#ofHouseholds.get(household) ?? 0;
    const free = this.#total - this.#used - amount;
    return this.#used === 0 || (free >= 0 && (before === 0 || before + amount <= free));
  }

  take(household: HouseholdId, amount: number): void {
    this.#used += amount;
    this.#ofHouseholds.set(household, (this.#ofHouseholds.get(household) ?? 0) + amount);
  }

  giveBack(household: HouseholdId, amount: number): void {
    this.#used -= amount;
    const left = (this.#ofHouseholds.get(household) ?? 0) - amount;
    if (left > 0) this.#ofHouseholds.set(household, left);
    else this.#ofHouseholds.delete(household);
  }
}
