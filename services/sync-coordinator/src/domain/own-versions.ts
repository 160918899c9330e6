/** The most separate ranges that one session remembers; beyond it the oldest is forgotten, which only costs bytes. */
const MAX_RANGES = 64;

/**
 * The versions of a device that were answered on this very session. They come back as stamps without their body, for
 * the device has it (docs/protocol.md, section 7). Sequences mostly follow each other, so ranges of them stay few
 * however much is pushed. What is not remembered here is sent whole, which is always right.
 */
export class OwnVersions {
  readonly #ranges: { first: number; last: number }[] = [];

  /** Remembers that this edit was answered with its own version being the head. */
  add(sequence: number): void {
    const latest = this.#ranges.at(-1);
    if (latest !== undefined && sequence === latest.last + 1) {
      latest.last = sequence;
      return;
    }
    if (this.has(sequence)) return;
    this.#ranges.push({ first: sequence, last: sequence });
    if (this.#ranges.length > MAX_RANGES) this.#ranges.shift();
  }

  has(sequence: number): boolean {
    return this.#ranges.some(({ first, last }) => first <= sequence && sequence <= last);
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }
}
