import type { JsonObject } from "./json.ts";
import { type FoldedText, fold, foldText, nameOf, normalizeQuery, textsOf, wordsOf } from "./search-text.ts";
import { metersOf, nameSimilarity, similarityOf, WordMeter, wordSimilarity } from "./text-similarity.ts";

/** How a hit matched, best first. */
export type MatchKind = "exact" | "prefix" | "substring" | "content" | "fuzzy";

/** How well a body answers a query. */
export interface Match {
  readonly kind: MatchKind;
  /** 0 to 1; every kind has its own band, so a better kind always scores higher. */
  readonly score: number;
  /** The matching text with the match between {@link MATCH_START} and {@link MATCH_END}. */
  readonly highlight: string;
}

/** Control characters mark the match: no text of a person holds them, and those that do lose them first. */
export const MATCH_START = "\u0002";
export const MATCH_END = "\u0003";

/** Characters of context on either side of a match in long text. */
const CONTEXT = 60;
const WORD_CHARACTER = /[\p{L}\p{N}\p{M}]/u;
const MARK = /\p{M}/u;
/** More words of a query say nothing more: as many as there are bits in a mask. */
const MAX_QUERY_WORDS = 31;
/** A word less alike than this to every word of a name is another word: one typo in three letters, two in six. */
export const MIN_WORD_LIKENESS = 0.65;

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Matches bodies against one query; the index only proposes candidates, this decides. What it takes into account of a
 * body can be asked for piece by piece, of texts that were made {@link searchable}.
 */
export class QueryMatcher {
  /** The query as it is compared; empty when there is nothing to look for. */
  readonly query: string;
  /** Its words, at most 31; empty when it has no letter and no digit. */
  readonly words: readonly string[];
  #meters: readonly WordMeter[] | undefined;

  constructor(query: string) {
    this.query = normalizeQuery(query);
    this.words = wordsOf(this.query).slice(0, MAX_QUERY_WORDS);
  }

  /** Of each of {@link words}. */
  get meters(): readonly WordMeter[] {
    this.#meters ??= metersOf(this.words);
    return this.#meters;
  }

  /** Undefined when the body does not answer the query. */
  match(body: JsonObject): Match | undefined {
    if (this.query === "") return undefined;
    const name = withoutMarks(nameOf(body));
    const folded = foldText(name);
    return this.#matchName(name, folded) ?? this.#matchContent(body) ?? this.#matchNearly(name, folded);
  }

  /** How a searchable name says the query, highlight aside; undefined when it does not contain it. */
  rankName(name: string): Omit<Match, "highlight"> | undefined {
    const at = name.indexOf(this.query);
    if (at < 0) return undefined;
    const text = name.trim();
    const share = this.query.length / text.length;
    if (text === this.query) return { kind: "exact", score: 1 };
    if (text.startsWith(this.query)) return { kind: "prefix", score: 0.8 + 0.19 * share };
    // A whole word, or the beginning of one, is meant more often than the inside of one.
    const atWord = at === 0 || !isWordCharacter(name, at - 1);
    return { kind: "substring", score: 0.6 + 0.1 * share + (atWord ? 0.09 : 0) };
  }

  /** The score of a body all of whose words of the query occur, from the first searchable text in which one of them does. */
  scoreContent(text: string): number {
    return this.#scoreContentAt(text, this.#firstWordAt(text)?.from ?? 0);
  }

  /**
   * The score of a name of so many words that is merely alike. @param likeness of each word of the query to the name's
   * nearest one, by {@link WordMeter}. Undefined: one of them is another word.
   */
  scoreNearly(likeness: readonly number[], nameWords: number): number | undefined {
    if (likeness.some((one) => one < MIN_WORD_LIKENESS)) return undefined;
    return 0.39 * similarityOf(likeness, nameWords);
  }

  #matchName(name: string, folded: FoldedText): Match | undefined {
    const rank = this.rankName(folded.folded);
    if (rank === undefined) return undefined;
    const at = folded.folded.indexOf(this.query);
    return { ...rank, highlight: mark(name, folded, { from: at, to: at + this.query.length }) };
  }

  #matchContent(body: JsonObject): Match | undefined {
    if (this.words.length === 0) return undefined;
    let best: { readonly text: string; readonly folded: FoldedText; readonly at: Range } | undefined;
    const found = new Set<string>();
    for (const original of textsOf(body)) {
      const text = withoutMarks(original);
      const folded = foldText(text);
      for (const word of this.words) {
        const at = wordAt(folded.folded, word);
        if (at === undefined) continue;
        found.add(word);
        best ??= { text, folded, at };
      }
      if (found.size === this.words.length) break;
    }
    if (best === undefined || found.size < this.words.length) return undefined;
    const whole = best.folded.folded.indexOf(this.query);
    const range = whole < 0 ? best.at : { from: whole, to: whole + this.query.length };
    const score = this.#scoreContentAt(best.folded.folded, best.at.from);
    return { kind: "content", score, highlight: snippet(best.text, best.folded, range) };
  }

  #firstWordAt(text: string): Range | undefined {
    for (const word of this.words) {
      const at = wordAt(text, word);
      if (at !== undefined) return at;
    }
    return undefined;
  }

  #scoreContentAt(text: string, from: number): number {
    return 0.4 + (text.includes(this.query) ? 0.1 : 0) + 0.09 / (1 + from / CONTEXT);
  }

  #matchNearly(name: string, folded: FoldedText): Match | undefined {
    if (this.words.length === 0 || name === "") return undefined;
    const { similarity, weakest, nearest } = nameSimilarity(this.meters, wordsOf(folded.folded));
    if (weakest < MIN_WORD_LIKENESS) return undefined;
    const at = wordAt(folded.folded, nearest) ?? { from: 0, to: folded.folded.length };
    return { kind: "fuzzy", score: 0.39 * similarity, highlight: mark(name, folded, at) };
  }
}

/** Those of some words that a word of a query may mean, and those of them that it means most likely. */
export interface MeantWords {
  readonly all: readonly string[];
  readonly likeliest: readonly string[];
}

/** Judges words as the matcher does, so a name matches nearly just when it has one of these for each word of the query. */
export function meantWords(word: string, proposed: readonly string[]): MeantWords {
  const meter = new WordMeter(word);
  const likeness = new Map(proposed.map((one) => [one, meter.likeness(one)]));
  const all = [...likeness.keys()].filter((one) => (likeness.get(one) ?? 0) >= MIN_WORD_LIKENESS);
  const most = Math.max(...all.map((one) => likeness.get(one) ?? 0));
  return { all, likeliest: all.filter((one) => likeness.get(one) === most) };
}

/** Words one transposition away: `lmap` → `mlap`, `lamp`, `lmpa`. Trigrams see no likeness there in short words. */
export function transpositions(word: string): string[] {
  if (word.length < 3 || word.length > 8) return [];
  const swapped: string[] = [];
  for (let at = 0; at + 1 < word.length; at++) {
    const variant = `${word.slice(0, at)}${word[at + 1]}${word[at]}${word.slice(at + 2)}`;
    if (variant !== word && variant.isWellFormed() && wordSimilarity(word, variant) > 0) swapped.push(variant);
  }
  return swapped;
}

/** Where a word begins with `word` in a folded text. */
function wordAt(folded: string, word: string): Range | undefined {
  for (let at = folded.indexOf(word); at >= 0; at = folded.indexOf(word, at + 1)) {
    if (at === 0 || !isWordCharacter(folded, at - 1)) return { from: at, to: at + word.length };
  }
  return undefined;
}

/** A text of a body as the matcher compares it. */
export function searchable(text: string): string {
  return fold(withoutMarks(text));
}

/** Whether the character at a place of a folded text, or the one that ends there, belongs to a word. */
export function isWordCharacter(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  if (unit < 0x80) return (unit >= 0x61 && unit <= 0x7a) || (unit >= 0x30 && unit <= 0x39);
  const isSecondHalf = unit >= 0xdc00 && unit < 0xe000;
  return WORD_CHARACTER.test(String.fromCodePoint(text.codePointAt(isSecondHalf ? at - 1 : at) ?? 0));
}

function withoutMarks(text: string): string {
  return text.replaceAll(MATCH_START, "").replaceAll(MATCH_END, "");
}

/** Where a range of the folded text stands in the original: whole characters, the last one with the marks on it. */
function rangeIn(text: string, { origin }: FoldedText, range: Range): Range {
  let to = origin[range.to - 1] ?? 0;
  let isLast = true;
  for (const character of text.slice(to)) {
    if (!isLast && !MARK.test(character)) break;
    to += character.length;
    isLast = false;
  }
  return { from: origin[range.from] ?? 0, to };
}

function mark(text: string, folded: FoldedText, range: Range): string {
  const { from, to } = rangeIn(text, folded, range);
  return `${text.slice(0, from)}${MATCH_START}${text.slice(from, to)}${MATCH_END}${text.slice(to)}`;
}

/** The match with some context, cut between characters. */
function snippet(text: string, folded: FoldedText, range: Range): string {
  const { from, to } = rangeIn(text, folded, range);
  const context = rangeIn(text, folded, {
    from: Math.max(0, range.from - CONTEXT),
    to: Math.min(folded.folded.length, range.to + CONTEXT),
  });
  const before = `${context.from > 0 ? "…" : ""}${text.slice(context.from, from)}`;
  const after = `${text.slice(to, context.to)}${context.to < text.length ? "…" : ""}`;
  return `${before}${MATCH_START}${text.slice(from, to)}${MATCH_END}${after}`;
}
