import type { WordMeter } from "@funkygibbon/kernel/text-similarity";

/** Letters of a word that are compared, as {@link WordMeter} does. */
const MAX_COMPARED = 32;
/** What the likeness to the beginning of a word counts, as in {@link WordMeter}. */
const BEGUN_WEIGHT = 0.9;
const ROUNDING = 1e-9;

/** Words that differ only in the order of their letters, or nearly so, and are looked at together. */
interface Shape {
  /** Which letters they have, as bits that some share. */
  readonly letters: number;
  readonly length: number;
  readonly words: number[];
}

/** Numbered words by their shapes: far fewer than words, so that most words need no look of their own. */
export class WordShapes {
  readonly #words: string[] = [];
  readonly #shapes = new Map<number, Shape>();

  /** How many words there are; they are numbered from 0. */
  get size(): number {
    return this.#words.length;
  }

  /** Takes in a word. @returns its number. */
  add(word: string): number {
    const number = this.#words.push(word) - 1;
    const { letters, length } = shapeOf(word);
    const key = letters * (MAX_COMPARED + 1) + length;
    const shape = this.#shapes.get(key);
    if (shape === undefined) this.#shapes.set(key, { letters, length, words: [number] });
    else shape.words.push(number);
    return number;
  }

  /** The words that begin so. */
  beginningWith(beginning: string): number[] {
    return this.#having(beginning, (word) => word.startsWith(beginning));
  }

  /** The words that have this in them. */
  containing(part: string): number[] {
    return this.#having(part, (word) => word.includes(part));
  }

  /** The words that are at least so like a word, and how like they are. */
  *like(meter: WordMeter, least: number): Iterable<readonly [number: number, likeness: number]> {
    const asked = shapeOf(meter.word);
    for (const shape of this.#shapes.values()) {
      if (!mayBeAlike(asked, shape, least)) continue;
      for (const number of shape.words) {
        const likeness = meter.likeness(this.#words[number] ?? "");
        if (likeness >= least) yield [number, likeness];
      }
    }
  }

  /** Those of the words that may have this in them that pass. */
  #having(part: string, passes: (word: string) => boolean): number[] {
    const asked = shapeOf(part);
    const found: number[] = [];
    for (const { letters, length, words } of this.#shapes.values()) {
      // Of longer words the shape tells the beginning only.
      const lacks = (asked.letters & ~letters) !== 0 || asked.length > length;
      if (lacks && length < MAX_COMPARED) continue;
      for (const number of words) if (passes(this.#words[number] ?? "")) found.push(number);
    }
    return found;
  }
}

function shapeOf(word: string): Omit<Shape, "words"> {
  const compared = [...word].slice(0, MAX_COMPARED);
  const letters = compared.reduce((bits, letter) => bits | (1 << ((letter.codePointAt(0) ?? 0) % 32)), 0);
  return { letters, length: compared.length };
}

/**
 * Holds of every word that is as like as `least`: each letter that one has and the other lacks is an edit, and so is each
 * by which one is longer.
 */
function mayBeAlike(asked: Omit<Shape, "words">, { letters, length }: Shape, least: number): boolean {
  const [lacking, shorter] = [bitsOf(asked.letters & ~letters), asked.length - length];
  const longest = Math.max(asked.length, length);
  const edits = Math.max(lacking, bitsOf(letters & ~asked.letters), Math.abs(shorter));
  if (edits <= (1 - least) * longest + ROUNDING) return true;
  // Compared with its beginning only, what the word has besides is no edit.
  const begun = Math.max(asked.length, Math.min(length, asked.length + 1));
  return Math.max(lacking, shorter) <= (1 - least / BEGUN_WEIGHT) * begun + ROUNDING;
}

function bitsOf(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}
