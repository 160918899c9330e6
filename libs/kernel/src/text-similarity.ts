/** Longer words are compared by their beginning: as many letters as a number has bits. */
const MAX_COMPARED = 32;
/** Latin, Greek and Cyrillic letters are below. */
const NEAR = 0x530;

/**
 * How alike two words are, 0 to 1: one minus the share of characters that must be inserted, deleted, replaced or swapped
 * with their neighbour (optimal string alignment).
 */
export function wordSimilarity(a: string, b: string): number {
  return new WordMeter(a).similarity(b);
}

/** How likely a word of a query means a word of a name, 0 to 1. */
export function wordLikeness(word: string, meant: string): number {
  return new WordMeter(word).likeness(meant);
}

/** Compares one word with many others. */
export class WordMeter {
  readonly word: string;
  readonly #length: number;
  /** How much of a word is compared with one that a person may still be typing. */
  readonly #begun: number;
  /** Where each letter stands in the word, as bits; of most languages in an array, since that is what is looked up most. */
  readonly #near = new Int32Array(NEAR);
  readonly #far = new Map<number, number>();

  constructor(word: string) {
    this.word = word;
    const letters = [...word];
    this.#length = Math.min(letters.length, MAX_COMPARED);
    this.#begun = Math.min(letters.length + 1, MAX_COMPARED);
    for (const [place, letter] of letters.slice(0, MAX_COMPARED).entries()) {
      const code = letter.codePointAt(0) ?? 0;
      if (code < NEAR) this.#near[code] = (this.#near[code] ?? 0) | (1 << place);
      else this.#far.set(code, (this.#far.get(code) ?? 0) | (1 << place));
    }
  }

  /** {@link wordSimilarity} to another word. */
  similarity(other: string): number {
    return this.#measure(other, 0);
  }

  /** {@link wordLikeness} of the other word: what is still being typed is compared with as much of it. */
  likeness(other: string): number {
    return this.#measure(other, 0.9);
  }

  /**
   * The greater of the similarity to the other word and that to its beginning, times `begunWeight`. Goes through the other
   * word once, with a column of the table of distances in the bits of a few numbers: H. Hyyrö, A bit-vector algorithm for
   * computing Levenshtein and Damerau edit distances (2003).
   */
  #measure(other: string, begunWeight: number): number {
    const last = 1 << (this.#length - 1);
    let [rising, falling, same, before] = [-1, 0, 0, 0];
    let [distance, count, begun] = [this.#length, 0, 0];
    for (let at = 0; at < other.length && count < MAX_COMPARED; at++) {
      const code = other.codePointAt(at) ?? 0;
      if (code > 0xffff) at += 1;
      const places = code < NEAR ? (this.#near[code] ?? 0) : (this.#far.get(code) ?? 0);
      const swapped = ((~same & places) << 1) & before;
      same = (((places & rising) + rising) ^ rising) | places | falling | swapped;
      const right = falling | ~(same | rising);
      const left = same & rising;
      if ((right & last) !== 0) distance += 1;
      if ((left & last) !== 0) distance -= 1;
      const carried = (right << 1) | 1;
      rising = (left << 1) | ~(same | carried);
      falling = carried & same;
      before = places;
      count += 1;
      if (this.#length === 0) distance = count;
      if (count === this.#begun) begun = begunWeight * share(distance, Math.max(this.#length, count));
    }
    const whole = share(distance, Math.max(this.#length, count));
    // A word that ends before is its own beginning.
    return Math.max(whole, count < this.#begun ? begunWeight * whole : begun);
  }
}

/** How alike the words of a query and those of a name are. */
export interface NameSimilarity {
  /** The mean over the words of the query of their likeness to the nearest word of the name, 0 to 1; a little less when the name says more. */
  readonly similarity: number;
  /** The likeness of the word of the query that is farthest from any word of the name. */
  readonly weakest: number;
  /** The word of the name that came nearest to any. */
  readonly nearest: string;
}

/** Compares a query, of each word of which it is given the meter, with a name word by word, in any order. */
export function nameSimilarity(query: readonly WordMeter[], name: readonly string[]): NameSimilarity {
  if (query.length === 0 || name.length === 0) return { similarity: 0, weakest: 0, nearest: "" };
  const found = query.map((meter) => nearestWord(meter, name));
  const likeness = found.map((word) => word.likeness);
  const best = found.reduce((a, b) => (b.likeness > a.likeness ? b : a));
  return { similarity: similarityOf(likeness, name.length), weakest: Math.min(...likeness), nearest: best.word };
}

/** The meters of some words. */
export function metersOf(words: readonly string[]): readonly WordMeter[] {
  return words.map((word) => new WordMeter(word));
}

/** {@link NameSimilarity} from the likeness of each word of a query to the nearest one of so many words of a name. */
export function similarityOf(likeness: readonly number[], nameWords: number): number {
  const surplus = Math.max(0, nameWords - likeness.length);
  const mean = likeness.reduce((sum, value) => sum + value, 0) / likeness.length;
  return mean * (1 - 0.02 * Math.min(surplus, 5));
}

function nearestWord(meter: WordMeter, name: readonly string[]): { readonly word: string; readonly likeness: number } {
  let nearest = { word: "", likeness: 0 };
  for (const candidate of name) {
    const likeness = meter.likeness(candidate);
    if (likeness > nearest.likeness) nearest = { word: candidate, likeness };
  }
  return nearest;
}

function share(distance: number, longest: number): number {
  return longest === 0 ? 1 : 1 - distance / longest;
}
