import type { HouseholdId } from "@funkygibbon/kernel/ids";

/**
 * What waits, in a line for each household. Households take turns, so that a long line is felt by those who stand in it
 * and by nobody else.
 */
export class FairLines<Item> {
  /** In the order in which it is the households' turn. */
  readonly #lines = new Map<HouseholdId, Item[]>();

  /** Adds an item at the end of its household's line. */
  add(household: HouseholdId, item: Item): void {
    const line = this.#lines.get(household);
    if (line === undefined) this.#lines.set(household, [item]);
    else line.push(item);
  }

  /**
   * Takes the first item of the next household whose first item may go; it is that household's turn again when all others
   * have had theirs. Undefined when none may. Within a household nobody overtakes.
   */
  take(mayGo: (household: HouseholdId, item: Item) => boolean): Item | undefined {
    for (const [household, line] of this.#lines) {
      const [first] = line;
      if (first === undefined || !mayGo(household, first)) continue;
      line.shift();
      this.#lines.delete(household);
      if (line.length > 0) this.#lines.set(household, line);
      return first;
    }
    return undefined;
  }
}
