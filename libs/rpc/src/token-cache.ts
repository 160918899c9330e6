import type { Clock, Micros } from "@funkygibbon/kernel/clock";

/** Remembers what was verified until it expires; forgets the least recently used when full. */
export class TokenCache<Verified extends { readonly expiresAt: Micros }> {
  readonly #entries = new Map<string, Verified>();
  readonly #clock: Clock;
  readonly #capacity: number;

  constructor(clock: Clock, capacity = 10_000) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  get(token: string): Verified | undefined {
    const entry = this.#entries.get(token);
    if (entry === undefined) return undefined;
    this.#entries.delete(token);
    if (entry.expiresAt <= this.#clock.now()) return undefined;
    // A Map iterates in the order of insertion, so inserting again makes this the most recent.
    this.#entries.set(token, entry);
    return entry;
  }

  set(token: string, verified: Verified): void {
    this.#entries.set(token, verified);
    if (this.#entries.size <= this.#capacity) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
