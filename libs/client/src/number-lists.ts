/** Many short lists of small numbers, one after the other in one array: a list of its own for each would take ten times that. */
export class NumberLists {
  #values = new Int32Array(1_024);
  #used = 0;

  /** Keeps the numbers. @returns what they are found by. */
  add(numbers: readonly number[]): number {
    const at = this.#used;
    this.#used += numbers.length + 1;
    if (this.#used > this.#values.length) {
      const larger = new Int32Array(Math.max(this.#used, this.#values.length * 2));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[at] = numbers.length;
    this.#values.set(numbers, at + 1);
    return at;
  }

  /** All of them: a list is its length, then its numbers, from where `add` said. */
  get values(): Int32Array {
    return this.#values;
  }
}
