/** Keeps the best of what it is offered, at most `most`, and counts all. */
export class BestHits<T> {
  readonly #most: number;
  readonly #compare: (a: T, b: T) => number;
  readonly #hits: { readonly hit: T; readonly score: number }[] = [];
  /** How many were offered. */
  count = 0;

  /** @param compare decides between equal scores. */
  constructor(most: number, compare: (a: T, b: T) => number) {
    this.#most = most;
    this.#compare = compare;
  }

  offer(hit: T, score: number): void {
    this.count += 1;
    if (this.#hits.length >= this.#most && !this.#isBetter(hit, score, this.#hits.length - 1)) return;
    let [low, high] = [0, this.#hits.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#isBetter(hit, score, middle)) high = middle;
      else low = middle + 1;
    }
    this.#hits.splice(low, 0, { hit, score });
    if (this.#hits.length > this.#most) this.#hits.pop();
  }

  /** Best first. */
  get hits(): readonly T[] {
    return this.#hits.map(({ hit }) => hit);
  }

  #isBetter(hit: T, score: number, place: number): boolean {
    const other = this.#hits[place];
    if (other === undefined) return false;
    return score === other.score ? this.#compare(hit, other.hit) < 0 : score > other.score;
  }
}
