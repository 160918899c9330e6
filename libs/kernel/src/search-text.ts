import { IMPORT_MEMORY_KEY } from "./content.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** A text as search compares it, and where each of its UTF-16 units came from. */
export interface FoldedText {
  readonly folded: string;
  /** Index in the original of each unit of `folded`, and of the end. What comes after that says nothing. */
  readonly origin: readonly number[];
}

/** Longest word that is indexed, in UTF-16 units; longer ones are found by their beginning. */
export const MAX_WORD_LENGTH = 64;
/** Different words that are indexed of one record: a body of 64 KiB cannot make the index row larger than PostgreSQL takes. */
const MAX_WORDS = 4_000;
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
/** Printable ASCII: nothing but its case is folded. */
const PLAIN = /^[ -~]*$/;
/** The origins of a plain text, as long as most are. */
const UNMOVED: readonly number[] = Array.from({ length: 1_024 }, (_, index) => index);
const ACCENTS = /[\u0300-\u036f]/g;
// Control characters say nothing, and U+0000 is no text to PostgreSQL.
const UNSEARCHABLE = /[\p{Cc}\p{Cs}]/u;

/** Lower case, compatibility forms and Latin accents folded away: `Café`, `CAFE` and `ｃａｆｅ` are one. */
export function fold(text: string): string {
  // Most bodies are plain, and a projector that folds them unit by unit holds up the commits beside it.
  return PLAIN.test(text) ? text.toLowerCase() : foldText(text).folded;
}

/** As {@link fold}, keeping track of where everything came from, so that a match can be shown in the original. */
export function foldText(text: string): FoldedText {
  if (text.length < UNMOVED.length && PLAIN.test(text)) return { folded: text.toLowerCase(), origin: UNMOVED };
  let folded = "";
  const origin: number[] = [];
  let index = 0;
  for (const character of text) {
    const piece = UNSEARCHABLE.test(character) ? " " : foldCharacter(character);
    folded += piece;
    for (let unit = 0; unit < piece.length; unit++) origin.push(index);
    index += character.length;
  }
  origin.push(index);
  return { folded, origin };
}

/** What a person typed, as search compares it: folded, with single spaces. Empty: nothing to look for. */
export function normalizeQuery(query: string): string {
  return fold(query).replaceAll(/\s+/g, " ").trim();
}

/** The words of a folded text, each once, in the order of their first occurrence. */
export function wordsOf(folded: string): string[] {
  const words = new Set<string>();
  for (const [word] of folded.matchAll(WORD)) {
    words.add(cutWord(word));
    if (words.size === MAX_WORDS) break;
  }
  return [...words];
}

/** Every text that a body says to people, in reading order: strings and numbers at any depth, without keys. */
export function textsOf(body: JsonObject): string[] {
  const texts: string[] = [];
  for (const [key, value] of Object.entries(body)) if (key !== IMPORT_MEMORY_KEY) collect(value, texts);
  return texts;
}

/** The name of an entity: the key `name`, when it is a text. */
export function nameOf(body: JsonObject): string {
  const name = Object.hasOwn(body, "name") ? body.name : undefined;
  return typeof name === "string" ? name : "";
}

function collect(value: JsonValue, texts: string[]): void {
  if (typeof value === "string") texts.push(value);
  else if (typeof value === "number") texts.push(String(value));
  else if (Array.isArray(value)) for (const item of value) collect(item, texts);
  else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) collect(item, texts);
}

function foldCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return character.toLowerCase();
  return character.normalize("NFKD").replaceAll(ACCENTS, "").toLowerCase();
}

/** Cuts between code points, never inside one. */
function cutWord(word: string): string {
  if (word.length <= MAX_WORD_LENGTH) return word;
  const cut = word.slice(0, MAX_WORD_LENGTH);
  return cut.isWellFormed() ? cut : cut.slice(0, -1);
}
