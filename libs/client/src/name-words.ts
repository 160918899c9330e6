import { wordsOf } from "@funkygibbon/kernel/search-text";
import { NumberLists } from "./number-lists.ts";
import { WordShapes } from "./word-shapes.ts";

/** How alike a name is to some words. */
export interface NameLikeness {
  /** Of each of the words, in their order, to the nearest one of the name. */
  readonly likeness: readonly number[];
  /** How many words the name has. */
  readonly words: number;
}

/** The different words of names, each held once, for words that begin them and words that were typed nearly so. */
export class NameWords {
  readonly #numbers = new Map<string, number>();
  readonly #words = new WordShapes();
  /** In how many names each word is. */
  readonly #names: number[] = [];
  readonly #lists = new NumberLists();
  readonly #listOf = new Map<number, number>();

  /** Takes in the words of a name. @param text the number of its searchable text. @returns where the list of its words is. */
  enter(text: number, name: string): number {
    let list = this.#listOf.get(text);
    if (list === undefined) {
      list = this.#lists.add(wordsOf(name).map((word) => this.#enterWord(word)));
      this.#listOf.set(text, list);
    }
    return list;
  }

  /** Adds to the mask of each name which of some words begin in it: bit `i` for `words[i]`. @returns those that begin in any. */
  addMasks(words: readonly string[], masks: Int32Array): number {
    const begun = new Int32Array(this.#words.size);
    let found = 0;
    for (const [index, word] of words.entries()) {
      for (const number of this.#words.beginningWith(word)) {
        begun[number] = (begun[number] ?? 0) | (1 << index);
        found |= 1 << index;
      }
    }
    const { values } = this.#lists;
    for (const [text, list] of this.#listOf) {
      const end = list + (values[list] ?? 0);
      let mask = masks[text] ?? 0;
      for (let at = list + 1; at <= end; at++) mask |= begun[values[at] ?? 0] ?? 0;
      masks[text] = mask;
    }
    return found;
  }

  /**
   * Compares names, of each of which it is told where the list of its words is, with some words. Undefined: for one of
   * these the name has no word as like as `least`.
   */
  likenessTo(words: readonly string[], least: number): (list: number) => NameLikeness | undefined {
    // Most names have no word like the rarest one, and that is all that is looked at of them.
    const rarestFirst = words.map((word, index) => ({ index, ...this.#like(word, least) }));
    rarestFirst.sort((a, b) => a.names - b.names);
    const { values } = this.#lists;
    const nearest = words.map(() => 0);
    return (list) => {
      const count = values[list] ?? 0;
      for (const { index, likeness } of rarestFirst) {
        let most = 0;
        for (let at = list + 1; at <= list + count; at++) most = Math.max(most, likeness[values[at] ?? 0] ?? 0);
        if (most === 0) return undefined;
        nearest[index] = most;
      }
      return { likeness: [...nearest], words: count };
    };
  }

  /** Of each known word its likeness to a word, 0 below `least`, and how many names the others are in. */
  #like(word: string, least: number): { readonly likeness: Float64Array; readonly names: number } {
    const all = new Float64Array(this.#words.size);
    let names = 0;
    for (const [number, likeness] of this.#words.like(word, least)) {
      all[number] = likeness;
      names += this.#names[number] ?? 0;
    }
    return { likeness: all, names };
  }

  #enterWord(word: string): number {
    const number = this.#numbers.get(word) ?? this.#words.add(word);
    this.#numbers.set(word, number);
    this.#names[number] = (this.#names[number] ?? 0) + 1;
    return number;
  }
}
