import { must } from "@funkygibbon/kernel/must";

/**
 * Random numbers that are the same for the same seed. Each part of a simulation has a stream of its own, so that leaving
 * a step out of a schedule changes little of what happens besides.
 */
export class SeededRandom {
  readonly #seed: number;
  #state: number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.#state = this.#seed;
  }

  /** Another stream, told apart by its name. */
  stream(name: string): SeededRandom {
    let hash = 0x811c9dc5 ^ this.#seed;
    for (let index = 0; index < name.length; index += 1) hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    return new SeededRandom(Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d));
  }

  /** From 0 to 1, as Math.random (mulberry32). */
  readonly next = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };

  /** A whole number from 0 to before `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** True this often: 0 never, 1 always. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** From `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  pick<T>(list: readonly T[]): T {
    return must(list[this.below(list.length)], "there is something to pick from");
  }
}
