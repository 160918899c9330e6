import { type JsonObject, type JsonValue, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import { type Fingerprints, fingerprint, type Sha1 } from "./import-memory.ts";

/** The three sides of one record. */
export interface Sides {
  /** What the source says now. */
  readonly wanted: JsonObject;
  /** What the graph says. */
  readonly present: JsonObject;
  /** What the source said last time; undefined: not known. */
  readonly remembered: Fingerprints | undefined;
}

/** What has to change, key by key. */
export interface KeyChanges {
  /** To set: the source says something new. */
  readonly take: JsonObject;
  /** To remove: the source no longer says it, and nobody has touched it. */
  readonly drop: readonly string[];
  /** Stay although the source says otherwise: edited by somebody, and the source is as it was. */
  readonly kept: readonly string[];
  /** Of `take`: those over an edit of somebody. */
  readonly over: readonly string[];
}

/**
 * Brings a record up to date with its source without undoing anybody's edit: a key is set only when the source itself
 * says something else than last time. Without a memory only what is not there is set.
 */
export function compareSides({ wanted, present, remembered }: Sides, sha1: Sha1): KeyChanges {
  const take: [string, JsonValue][] = [];
  const drop: string[] = [];
  const kept: string[] = [];
  const over: string[] = [];
  const before = (key: string) => (remembered && Object.hasOwn(remembered, key) ? remembered[key] : undefined);
  const printOf = (value: JsonValue | undefined) => (value === undefined ? undefined : fingerprint(value, sha1));
  for (const [key, value] of Object.entries(wanted)) {
    const now = jsonGet(present, key);
    if (jsonEquals(value, now)) continue;
    const isNews = remembered === undefined ? now === undefined : printOf(value) !== before(key);
    if (isNews) take.push([key, value]);
    else kept.push(key);
    if (isNews && printOf(now) !== before(key)) over.push(key);
  }
  for (const key of Object.keys(remembered ?? {})) {
    const now = jsonGet(present, key);
    if (Object.hasOwn(wanted, key) || now === undefined) continue;
    if (printOf(now) === before(key)) drop.push(key);
    else kept.push(key);
  }
  return { take: Object.fromEntries(take), drop, kept, over };
}
