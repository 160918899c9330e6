const POOL_BYTES = 4_096;

/** Random bytes of the platform, fetched many at a time: a call for ten bytes costs as much as one for thousands. */
export class RandomPool {
  #bytes = new Uint8Array(0);
  #used = 0;

  /** That many bytes, at most 4096, which nobody else gets. */
  take(count: number): Uint8Array {
    if (this.#used + count > this.#bytes.length) {
      this.#bytes = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
      this.#used = 0;
    }
    this.#used += count;
    return this.#bytes.subarray(this.#used - count, this.#used);
  }
}
