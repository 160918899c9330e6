import type { Identity } from "@funkygibbon/kernel/identity";

/** How much of one user is at work at once. */
export class Places {
  readonly #perUser: number;
  readonly #taken = new Map<string, number>();

  constructor(perUser: number) {
    this.#perUser = perUser;
  }

  /** A place until it is disposed; undefined when the user has all of theirs. */
  take({ household, user }: Pick<Identity, "household" | "user">): Disposable | undefined {
    const key = JSON.stringify([household, user]);
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= this.#perUser) return undefined;
    this.#taken.set(key, taken + 1);
    return { [Symbol.dispose]: () => this.#give(key) };
  }

  #give(key: string): void {
    const left = (this.#taken.get(key) ?? 0) - 1;
    if (left > 0) this.#taken.set(key, left);
    else this.#taken.delete(key);
  }
}
