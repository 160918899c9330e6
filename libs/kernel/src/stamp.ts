import type { Micros } from "./clock.ts";
import type { DeviceId } from "./ids.ts";

/** When and by whom an edit was made, as a merge sees it (docs/protocol.md, section 2). */
export interface Stamp {
  readonly effectiveUs: Micros;
  readonly device: DeviceId;
  readonly sequence: number;
}

/** Which keys of a body an edit was the last to set or remove. */
export interface KeyStamp {
  readonly stamp: Stamp;
  /** Sorted, without repetition. */
  readonly keys: readonly string[];
}

/**
 * The stamps of all keys of a version, grouped by edit and sorted by stamp. Keys that are not named carry the version's
 * own stamp, so a plain create is the empty list.
 */
export type KeyStamps = readonly KeyStamp[];

/** The stamp of a key of which nobody knows any more when it was set, as an edit of `device` found it: older than any edit. */
export function unknownStamp(device: DeviceId): Stamp {
  return { effectiveUs: 0, device, sequence: 0 };
}

/** Whether the stamp is an {@link unknownStamp}. */
export function isUnknownStamp(stamp: Stamp): boolean {
  return stamp.effectiveUs === 0;
}

/** Negative when `a` is the older edit, positive when `b` is, 0 when they are the same edit: total, symmetric, transitive. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a.effectiveUs - b.effectiveUs || compareUtf8(a.device, b.device) || a.sequence - b.sequence;
}

/** The greater of two stamps. */
export function newerStamp(a: Stamp, b: Stamp): Stamp {
  return compareStamps(a, b) >= 0 ? a : b;
}

/**
 * Compares two well-formed texts as PostgreSQL's COLLATE "C" does: by their UTF-8 bytes, which is by code point.
 * UTF-16 units differ from that order only above U+FFFF.
 */
export function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** Every key with its stamp: the named ones as they are named, the other `keys` with the version's `own` stamp. */
export function expandStamps(compact: KeyStamps, keys: Iterable<string>, own: Stamp): Map<string, Stamp> {
  const stamps = new Map<string, Stamp>();
  for (const key of keys) stamps.set(key, own);
  for (const group of compact) for (const key of group.keys) stamps.set(key, group.stamp);
  return stamps;
}

/**
 * The inverse of {@link expandStamps}: leaves out keys that carry the `own` stamp and are among `keys`, which a reader
 * can tell from the body. Removed keys are always named.
 */
export function compactStamps(stamps: ReadonlyMap<string, Stamp>, keys: ReadonlySet<string>, own: Stamp): KeyStamps {
  // Keys of one edit mostly share one stamp object: what is left to find are equal stamps that came from different places.
  const byObject = new Map<Stamp, { readonly stamp: Stamp; readonly keys: string[] }>();
  for (const [key, stamp] of stamps) {
    if (keys.has(key) && (stamp === own || compareStamps(stamp, own) === 0)) continue;
    const group = byObject.get(stamp);
    if (group === undefined) byObject.set(stamp, { stamp, keys: [key] });
    else group.keys.push(key);
  }
  const groups: { readonly stamp: Stamp; readonly keys: string[] }[] = [];
  for (const group of [...byObject.values()].sort((a, b) => compareStamps(a.stamp, b.stamp))) {
    const last = groups.at(-1);
    if (last !== undefined && compareStamps(last.stamp, group.stamp) === 0) last.keys.push(...group.keys);
    else groups.push(group);
  }
  for (const group of groups) sortKeys(group.keys);
  return groups;
}

/** Sorts in place by {@link compareUtf8}. Keys mostly stand in order already, and looking costs less than sorting. */
export function sortKeys(keys: string[]): string[] {
  for (let index = 1; index < keys.length; index++) {
    if (compareUtf8(keys[index - 1] ?? "", keys[index] ?? "") > 0) return keys.sort(compareUtf8);
  }
  return keys;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
