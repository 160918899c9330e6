/**
 * Lists of numbers that grow, under small numbers: links between places of a few arrays, since a list of its own for
 * each key would take ten times that.
 */
export class NumberChains {
  /** By key: where its latest value is, counted from 1, and how many it has. */
  #latest = new Int32Array(1_024);
  #counts = new Int32Array(1_024);
  /** By place: a value, and where the one before it of the same key is, counted from 1. */
  #values = new Int32Array(1_024);
  #earlier = new Int32Array(1_024);
  #used = 0;

  /** Puts one more value under a key. */
  add(key: number, value: number): void {
    if (key >= this.#latest.length) {
      this.#latest = lengthened(this.#latest, key + 1);
      this.#counts = lengthened(this.#counts, key + 1);
    }
    if (this.#used === this.#values.length) {
      this.#values = lengthened(this.#values, this.#used + 1);
      this.#earlier = lengthened(this.#earlier, this.#used + 1);
    }
    this.#values[this.#used] = value;
    this.#earlier[this.#used] = this.#latest[key] ?? 0;
    this.#used += 1;
    this.#latest[key] = this.#used;
    this.#counts[key] = this.countOf(key) + 1;
  }

  /** How many values are under a key. */
  countOf(key: number): number {
    return this.#counts[key] ?? 0;
  }

  /** All that is under some keys. What was put under several of them comes several times. */
  *valuesOf(keys: Iterable<number>): Iterable<number> {
    for (const key of keys) {
      for (let at = this.#latest[key] ?? 0; at !== 0; at = this.#earlier[at - 1] ?? 0) yield this.#values[at - 1] ?? 0;
    }
  }
}

function lengthened(numbers: Int32Array<ArrayBuffer>, least: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(Math.max(least, numbers.length * 2));
  longer.set(numbers);
  return longer;
}
