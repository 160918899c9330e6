import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { PublishedStretch } from "./relay-positions.ts";

interface Entry extends PublishedStretch {
  done: boolean;
}

/** Commits on their way to NATS, per household in the order of their seq; acknowledgements may come in any order. */
export class PublishedStretches {
  readonly #underWay = new Map<HouseholdId, Entry[]>();
  readonly #finished = new Map<HouseholdId, PublishedStretch>();

  /** A commit is being published; say how it ended. */
  begin({ household, fromSeq, toSeq }: PublishedStretch): { done(): void; failed(): void } {
    const entry: Entry = { household, fromSeq, toSeq, done: false };
    const line = this.#underWay.get(household);
    if (line === undefined) this.#underWay.set(household, [entry]);
    else line.push(entry);
    return {
      done: () => {
        entry.done = true;
        this.#advance(household);
      },
      failed: () => this.#drop(entry),
    };
  }

  /** Takes what can be moved over: per household one stretch, gap-free. */
  takeFinished(): PublishedStretch[] {
    const finished = [...this.#finished.values()];
    this.#finished.clear();
    return finished;
  }

  #advance(household: HouseholdId): void {
    const line = this.#underWay.get(household) ?? [];
    while (line[0]?.done === true) {
      const { fromSeq, toSeq } = line[0];
      line.shift();
      const before = this.#finished.get(household);
      const begins = before?.toSeq === fromSeq - 1 ? before.fromSeq : fromSeq;
      this.#finished.set(household, { household, fromSeq: begins, toSeq });
    }
    if (line.length === 0) this.#underWay.delete(household);
  }

  /** The position cannot pass this commit, so what comes after it in the same line is left to the sweep as well. */
  #drop(entry: Entry): void {
    const line = this.#underWay.get(entry.household);
    const index = line?.indexOf(entry) ?? -1;
    if (line === undefined || index < 0) return;
    line.splice(index, 1);
    this.#advance(entry.household);
  }
}
