import { type JsonObject, type JsonValue, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import { type Fingerprints, fingerprint, type Sha1 } from "./import-memory.ts";

/** The three sides of one record. */
export interface Sides {
  /** What the source says now. */
  readonly wanted: JsonObject;
  /** What the graph says. */
  readonly present: JsonObject;
  /** What the source said last time; empty: not known. */
  readonly remembered: Fingerprints;
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
 * says something else than last time. A key of which nothing is remembered is set only when it is not there.
 */
export function compareSides({ wanted, present, remembered }: Sides, sha1: Sha1): KeyChanges {
  const take: [string, JsonValue][] = [];
  const drop: string[] = [];
  const kept: string[] = [];
  const over: string[] = [];
  const before = (key: string) => (Object.hasOwn(remembered, key) ? remembered[key] : undefined);
  const isTouched = (key: string, now: JsonValue | undefined) =>
    now === undefined || fingerprint(now, sha1) !== before(key);
  for (const [key, value] of Object.entries(wanted)) {
    const now = jsonGet(present, key);
    if (jsonEquals(value, now)) continue;
    const print = before(key);
    const isNews = print === undefined ? now === undefined : fingerprint(value, sha1) !== print;
    if (isNews) take.push([key, value]);
    else kept.push(key);
    if (isNews && print !== undefined && isTouched(key, now)) over.push(key);
  }
  for (const key of Object.keys(remembered)) {
    const now = jsonGet(present, key);
    if (Object.hasOwn(wanted, key) || now === undefined) continue;
    if (isTouched(key, now)) kept.push(key);
    else drop.push(key);
  }
  return { take: Object.fromEntries(take), drop, kept, over };
}
