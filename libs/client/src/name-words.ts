import { wordsOf } from "@funkygibbon/kernel/search-text";
import type { WordMeter } from "@funkygibbon/kernel/text-similarity";
import { NumberChains } from "./number-chains.ts";
import { NumberLists } from "./number-lists.ts";
import { WordShapes } from "./word-shapes.ts";

/** How alike a name is to some words. */
export interface NameLikeness {
  /** Of each of the words, in their order, to the nearest one of the name. */
  readonly likeness: readonly number[];
  /** How many words the name has. */
  readonly words: number;
}

/** Some texts. */
export interface TextsFound {
  /** Their numbers, some of them twice, for whoever reads them first. */
  readonly texts: Iterable<number>;
  /** About how many entities say them. */
  readonly times: number;
}

/** Some words of names, and the names in which they are. */
export interface WordsFound extends TextsFound {
  readonly words: readonly number[];
}

/** Which names are alike to some words. */
export interface Alike {
  /** All that are, and others: those with a word like the rarest one. */
  readonly among: TextsFound;
  /** How alike the name is whose list this is. Undefined: it is not. */
  readonly likenessOf: (list: number) => NameLikeness | undefined;
}

/**
 * The different words of names, each held once, for words that begin them and words that were typed nearly so. A name is
 * known by the number of its text, and what it says by where the list of its words is.
 */
export class NameWords {
  readonly #numbers = new Map<string, number>();
  readonly #words = new WordShapes();
  /** By word: the names that have it. */
  readonly #names = new NumberChains();
  readonly #lists = new NumberLists();
  readonly #listOf = new Map<number, number>();

  /** Takes in the words of a name. @param text the number of its searchable text. @returns where the list of its words is. */
  enter(text: number, name: string): number {
    const known = this.#listOf.get(text);
    if (known !== undefined) return known;
    const words = wordsOf(name).map((word) => this.#numberOf(word));
    for (const word of words) this.#names.add(word, text);
    const list = this.#lists.add(words);
    this.#listOf.set(text, list);
    return list;
  }

  /** The words that begin so. */
  beginningWith(beginning: string): WordsFound {
    return this.#found(this.#words.beginningWith(beginning));
  }

  /** The words that have this in them. */
  containing(part: string): WordsFound {
    return this.#found(this.#words.containing(part));
  }

  /** Tells of a name, by its list, which of several words it has: bit `i` for one of `found[i]`. */
  maskReader(found: readonly WordsFound[]): (list: number) => number {
    const masks = new Int32Array(this.#words.size);
    for (const [index, { words }] of found.entries()) {
      for (const word of words) masks[word] = (masks[word] ?? 0) | (1 << index);
    }
    const { values } = this.#lists;
    return (list) => {
      let mask = 0;
      const end = list + (values[list] ?? 0);
      for (let at = list + 1; at <= end; at++) mask |= masks[values[at] ?? 0] ?? 0;
      return mask;
    };
  }

  /** The names that have for each of some words one that is as like as `least`. */
  alike(meters: readonly WordMeter[], least: number): Alike {
    // Most names have no word like the rarest one, and that is all that is looked at of them.
    const rarestFirst = meters.map((meter, index) => ({ index, ...this.#like(meter, least) }));
    rarestFirst.sort((a, b) => a.times - b.times);
    const { values } = this.#lists;
    const nearest = meters.map(() => 0);
    const likenessOf = (list: number) => {
      const count = values[list] ?? 0;
      for (const { index, likeness } of rarestFirst) {
        let most = 0;
        for (let at = list + 1; at <= list + count; at++) most = Math.max(most, likeness[values[at] ?? 0] ?? 0);
        if (most === 0) return undefined;
        nearest[index] = most;
      }
      return { likeness: [...nearest], words: count };
    };
    return { among: rarestFirst[0] ?? this.#found([]), likenessOf };
  }

  /** The words that are as like a word as `least`, and by number how like each is: 0 for all others. */
  #like(meter: WordMeter, least: number): WordsFound & { readonly likeness: Float64Array } {
    const likeness = new Float64Array(this.#words.size);
    const like: number[] = [];
    for (const [number, much] of this.#words.like(meter, least)) {
      likeness[number] = much;
      like.push(number);
    }
    return { ...this.#found(like), likeness };
  }

  #found(numbers: Iterable<number>): WordsFound {
    const words = [...numbers];
    const times = words.reduce((sum, word) => sum + this.#names.countOf(word), 0);
    return { words, times, texts: this.#names.valuesOf(words) };
  }

  #numberOf(word: string): number {
    const number = this.#numbers.get(word) ?? this.#words.add(word);
    this.#numbers.set(word, number);
    return number;
  }
}
