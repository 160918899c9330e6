import { wordsOf } from "@funkygibbon/kernel/search-text";
import { WordMeter } from "@funkygibbon/kernel/text-similarity";
import { NumberLists } from "./number-lists.ts";

/** Letters of a word that are compared, as {@link WordMeter} does. */
const MAX_COMPARED = 32;
const ROUNDING = 1e-9;

/** The different words of names, each held once, for words that begin them and words that were typed nearly so. */
export class NameWords {
  readonly #numbers = new Map<string, number>();
  readonly #words: string[] = [];
  readonly #letters: number[] = [];
  readonly #lengths: number[] = [];
  readonly #lists = new NumberLists();
  readonly #listOf = new Map<number, number>();

  /** Takes in the words of a name. @param text the number of its searchable text. @returns where the list of its words is. */
  enter(text: number, name: string): number {
    let list = this.#listOf.get(text);
    if (list === undefined) {
      list = this.#lists.add(wordsOf(name).map((word) => this.#number(word)));
      this.#listOf.set(text, list);
    }
    return list;
  }

  /** Adds to the mask of each name which of some words begin in it: bit `i` for `words[i]`. @returns those that begin in any. */
  addMasks(words: readonly string[], masks: Int32Array): number {
    const begun = new Int32Array(this.#words.length);
    let found = 0;
    for (const [index, word] of words.entries()) {
      const { letters } = lettersOf(word.slice(0, MAX_COMPARED));
      for (let number = 0; number < begun.length; number++) {
        if ((letters & ~(this.#letters[number] ?? 0)) !== 0 || !this.#words[number]?.startsWith(word)) continue;
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

  /** Of each known word its likeness to a word, 0 below `least`. */
  likenessTo(word: string, least: number): Float64Array {
    const meter = new WordMeter(word);
    const asked = lettersOf(word);
    const likeness = new Float64Array(this.#words.length);
    for (let number = 0; number < likeness.length; number++) {
      const [letters, length] = [this.#letters[number] ?? 0, this.#lengths[number] ?? 0];
      if (!mayBeAlike(asked, letters, length, least)) continue;
      const one = meter.likeness(this.#words[number] ?? "");
      if (one >= least) likeness[number] = one;
    }
    return likeness;
  }

  /** How many words a name has, and the likeness of the nearest one to each word that {@link likenessTo} was asked of; undefined: one has none. */
  nearest(
    list: number,
    likenesses: readonly Float64Array[],
  ): { readonly likeness: readonly number[]; readonly words: number } | undefined {
    const { values } = this.#lists;
    const words = values[list] ?? 0;
    const nearest: number[] = [];
    for (const likeness of likenesses) {
      let most = 0;
      for (let at = list + 1; at <= list + words; at++) most = Math.max(most, likeness[values[at] ?? 0] ?? 0);
      if (most === 0) return undefined;
      nearest.push(most);
    }
    return { likeness: nearest, words };
  }

  #number(word: string): number {
    const known = this.#numbers.get(word);
    if (known !== undefined) return known;
    const number = this.#words.push(word) - 1;
    this.#numbers.set(word, number);
    const { letters, length } = lettersOf(word);
    this.#letters.push(letters);
    this.#lengths.push(length);
    return number;
  }
}

/** Which letters a word has, as bits that some share, and how many. */
function lettersOf(word: string): { readonly letters: number; readonly length: number } {
  const compared = [...word].slice(0, MAX_COMPARED);
  const letters = compared.reduce((bits, letter) => bits | (1 << ((letter.codePointAt(0) ?? 0) % 32)), 0);
  return { letters, length: compared.length };
}

/**
 * Costs little, and holds of every word that is as like as `least`: each letter that one has and the other lacks is an
 * edit, and so is each by which one is longer.
 */
function mayBeAlike(asked: { letters: number; length: number }, letters: number, length: number, least: number) {
  const [lacking, shorter] = [bitsOf(asked.letters & ~letters), asked.length - length];
  const longest = Math.max(asked.length, length);
  const edits = Math.max(lacking, bitsOf(letters & ~asked.letters), Math.abs(shorter));
  if (edits <= (1 - least) * longest + ROUNDING) return true;
  // Compared with its beginning only, what the word has besides is no edit.
  const begun = Math.max(asked.length, Math.min(length, asked.length + 1));
  return Math.max(lacking, shorter) <= (1 - least / 0.9) * begun + ROUNDING;
}

function bitsOf(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
