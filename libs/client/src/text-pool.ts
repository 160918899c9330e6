import { isWordCharacter } from "@funkygibbon/kernel/search-match";
import { NameWords } from "./name-words.ts";

/** Room for a place in a text, in the number that names a text and a place: bodies have 64 KiB, and folding may lengthen them. */
const PLACES = 2 ** 21;
const UNITS = 2 ** 16;

/**
 * The different texts that a home says, each held once, and where words begin in them. Many records say the same
 * (makers, models, capabilities), so that there is far less to go through than there are bodies.
 */
export class TextPool {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  /** By the first two units of a word: each text and place where one begins so, as one number. Names are not in it. */
  readonly #begun = new Map<number, number[]>();
  /** Words of names: they say the same words again and again, each name in its own way. */
  readonly names = new NameWords();

  /** How many there are; they are numbered from 0. */
  get size(): number {
    return this.#texts.length;
  }

  /** The number of a searchable text, which is taken in when it is new. */
  numberOf(text: string): number {
    return this.#numbers.get(text) ?? this.#enterWords(text, this.#add(text));
  }

  /** The same for a name, and where {@link names} has the list of its words. */
  enterName(name: string): { readonly text: number; readonly words: number } {
    const text = this.#numbers.get(name) ?? this.#add(name);
    return { text, words: this.names.enter(text, name) };
  }

  /** The text of a number. */
  at(number: number): string {
    return this.#texts[number] ?? "";
  }

  /** For each text, which of at most 31 words begin in it: bit `i` for `words[i]`. Undefined: one of them begins in none. */
  masksOf(words: readonly string[]): Int32Array | undefined {
    const masks = new Int32Array(this.size);
    let found = this.names.addMasks(words, masks);
    for (const [index, word] of words.entries()) {
      for (const begun of this.#begunLike(word)) {
        for (const one of begun) {
          const text = Math.floor(one / PLACES);
          if (!this.at(text).startsWith(word, one % PLACES)) continue;
          masks[text] = (masks[text] ?? 0) | (1 << index);
          found |= 1 << index;
        }
      }
    }
    return found === 2 ** words.length - 1 ? masks : undefined;
  }

  #begunLike(word: string): Iterable<readonly number[]> {
    if (word.length > 1) return [this.#begun.get(keyAt(word, 0)) ?? []];
    const unit = word.charCodeAt(0);
    return [...this.#begun].flatMap(([key, begun]) => (Math.floor(key / UNITS) === unit ? [begun] : []));
  }

  #add(text: string): number {
    const number = this.#texts.push(text) - 1;
    this.#numbers.set(text, number);
    return number;
  }

  #enterWords(text: string, number: number): number {
    let inWord = false;
    for (let at = 0; at < text.length; at++) {
      const isWord = isWordCharacter(text, at);
      if (isWord && !inWord) {
        const key = keyAt(text, at);
        const begun = this.#begun.get(key);
        if (begun === undefined) this.#begun.set(key, [number * PLACES + at]);
        else begun.push(number * PLACES + at);
      }
      inWord = isWord;
    }
    return number;
  }
}

/** Two units as a number; after the end comes 0. */
function keyAt(text: string, at: number): number {
  return text.charCodeAt(at) * UNITS + (at + 1 < text.length ? text.charCodeAt(at + 1) : 0);
}
