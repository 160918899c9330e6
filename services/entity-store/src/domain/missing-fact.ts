import { type FactNeeds, isSatisfied, noNeeds } from "./commit-facts.ts";

/**
 * Interrupts the planning of one change that needs facts nobody has read yet. The planner goes on with the other
 * changes, so that one more reading brings what all of them miss, and then plans anew. Thrown, but no Error: it is
 * always caught, and nobody would read where it came from.
 */
class MissingFact {
  readonly ask: (needs: FactNeeds) => void;

  constructor(ask: (needs: FactNeeds) => void) {
    this.ask = ask;
  }
}

/** What a plan still has to know. */
export class MissingFacts {
  readonly needs: FactNeeds = noNeeds();

  /** Whether anything is missing. */
  get any(): boolean {
    return !isSatisfied(this.needs);
  }

  /** Runs `plan`; undefined when it was interrupted by a missing fact, which is then noted. */
  attempt<T>(plan: () => T): T | undefined {
    try {
      return plan();
    } catch (error) {
      if (!(error instanceof MissingFact)) throw error;
      error.ask(this.needs);
      return undefined;
    }
  }
}

/** The fact, or an interruption that asks for it. */
export function known<T>(fact: T | undefined, ask: (needs: FactNeeds) => void): T {
  if (fact === undefined) throw new MissingFact(ask);
  return fact;
}

/**
 * Works on all items even when some miss facts, and then asks for all of these at once: a hundred edges must not take a
 * hundred rounds of reading.
 */
export function eachWithFacts<Item, Result>(items: readonly Item[], work: (item: Item) => Result): Result[] {
  const missing: MissingFact[] = [];
  const results: Result[] = [];
  for (const item of items) {
    try {
      results.push(work(item));
    } catch (error) {
      if (!(error instanceof MissingFact)) throw error;
      missing.push(error);
    }
  }
  if (missing.length === 0) return results;
  throw new MissingFact((needs) => {
    for (const fact of missing) fact.ask(needs);
  });
}
