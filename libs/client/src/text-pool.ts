import { isWordCharacter } from "@funkygibbon/kernel/search-match";
import { MAX_WORD_LENGTH } from "@funkygibbon/kernel/search-text";
import { NameWords, type TextsFound } from "./name-words.ts";
import { NumberChains } from "./number-chains.ts";

/** Room for a place in a text, in the number that names a text and a place: bodies have 64 KiB, and folding may lengthen them. */
const PLACES = 2 ** 21;
const UNITS = 2 ** 16;

/** A name that was taken in. */
export interface PooledName {
  /** The number of its text. */
  readonly text: number;
  /** Where {@link TextPool.names} has the list of its words. */
  readonly words: number;
}

/** Where words begin. */
export interface Beginnings {
  /** Which of the words begin in a text: bit `i` for `words[i]`. What is only known as a name has none. */
  readonly masks: Int32Array;
  /** The same of a name, by the list of its words. */
  readonly maskOfName: (list: number) => number;
  /** The texts in which the rarest of the words begins. */
  readonly among: TextsFound;
}

/**
 * The different texts that a home says, each held once, where words begin in them, and who says them. Many records say
 * the same (makers, models, capabilities), so that there is far less to go through than there are bodies.
 */
export class TextPool {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = [];
  /** Of each text whether it is in {@link #begun}. */
  readonly #isRead: boolean[] = [];
  /** By the first two units of a word: each text and place where one begins so, as one number. */
  readonly #begun = new Map<number, number[]>();
  /** Words of names: they say the same words again and again, each name in its own way. */
  readonly names = new NameWords();
  readonly #longNames = new Set<number>();
  /** By text: those who say it, as numbers of whoever fills this. */
  readonly sayers = new NumberChains();

  /** The number of a searchable text, which is taken in when it is new. */
  numberOf(text: string): number {
    const number = this.#numberOf(text);
    this.#read(text, number);
    return number;
  }

  /** The same for a name. */
  enterName(name: string): PooledName {
    const text = this.#numberOf(name);
    // A longer name may have words that are cut in the list, or more words than that takes.
    if (name.length > MAX_WORD_LENGTH) {
      this.#longNames.add(text);
      this.#read(name, text);
    }
    return { text, words: this.names.enter(text, name) };
  }

  /** The text of a number. */
  at(number: number): string {
    return this.#texts[number] ?? "";
  }

  /** All names that have a folded text in them, and others. @param words those of the text. Undefined: any name may. */
  namesWith(words: readonly string[]): TextsFound | undefined {
    const [first, ...others] = words;
    if (first === undefined) return undefined;
    // What comes before the first word in a name may belong to the same word, what is before the others does not.
    const found = [this.names.containing(first), ...others.map((word) => this.names.beginningWith(word))];
    return both(rarestOf(found), { texts: this.#longNames, times: this.#longNames.size });
  }

  /** Where at most 31 words begin. Undefined: one of them begins nowhere. */
  beginningsOf(words: readonly string[]): Beginnings | undefined {
    const masks = new Int32Array(this.#texts.length);
    const inNames = words.map((word) => this.names.beginningWith(word));
    const inTexts = words.map((word, index) => this.#markBeginning(word, 1 << index, masks));
    const found = inNames.map((names, index) => both(names, inTexts[index] ?? NO_TEXTS));
    if (found.some(({ times }) => times === 0)) return undefined;
    return { masks, maskOfName: this.names.maskReader(inNames), among: rarestOf(found) };
  }

  /** Marks the texts in which a word begins. @returns these. */
  #markBeginning(word: string, mark: number, masks: Int32Array): TextsFound {
    const texts: number[] = [];
    let times = 0;
    for (const begun of this.#begunLike(word)) {
      for (const one of begun) {
        const text = Math.floor(one / PLACES);
        const mask = masks[text] ?? 0;
        if ((mask & mark) !== 0 || !this.at(text).startsWith(word, one % PLACES)) continue;
        masks[text] = mask | mark;
        texts.push(text);
        times += this.sayers.countOf(text);
      }
    }
    return { texts, times };
  }

  #begunLike(word: string): Iterable<readonly number[]> {
    if (word.length > 1) return [this.#begun.get(keyAt(word, 0)) ?? []];
    const unit = word.charCodeAt(0);
    return [...this.#begun].flatMap(([key, begun]) => (Math.floor(key / UNITS) === unit ? [begun] : []));
  }

  #numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#texts.push(text) - 1;
    this.#isRead.push(false);
    this.#numbers.set(text, number);
    return number;
  }

  /** Takes in where words begin. */
  #read(text: string, number: number): void {
    if (this.#isRead[number] === true) return;
    this.#isRead[number] = true;
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
  }
}

const NO_TEXTS: TextsFound = { texts: [], times: 0 };

function rarestOf(found: readonly TextsFound[]): TextsFound {
  return found.reduce((a, b) => (b.times < a.times ? b : a), found[0] ?? NO_TEXTS);
}

function both(some: TextsFound, others: TextsFound): TextsFound {
  return { texts: oneAfterTheOther(some.texts, others.texts), times: some.times + others.times };
}

function* oneAfterTheOther<T>(some: Iterable<T>, others: Iterable<T>): Iterable<T> {
  yield* some;
  yield* others;
}

/** Two units as a number; after the end comes 0. */
function keyAt(text: string, at: number): number {
  return text.charCodeAt(at) * UNITS + (at + 1 < text.length ? text.charCodeAt(at + 1) : 0);
}
