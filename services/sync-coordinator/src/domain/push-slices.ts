import type { PushedChange } from "./pushed-change.ts";

/**
 * Cuts a push into slices of about `atOnce` changes, each of which may be committed by itself: positions `first` to before
 * `end`. The store takes the edits of a push in the order of their sequences, so a push that comes in another order, or
 * heals, is one slice. Edits of one record share its fate and stay together, and an edge stays with an end that is
 * written after it.
 */
export function pushSlices(changes: readonly PushedChange[], atOnce: number): PushSlices {
  if (changes.length <= atOnce || !isInOrder(changes)) return [{ first: 0, end: changes.length }];
  const lastOf = new Map<string, number>();
  for (const [index, { recordId }] of changes.entries()) lastOf.set(recordId.toLowerCase(), index);

  const cuts: number[] = [];
  let heldTo = 0;
  for (const [index, change] of changes.entries()) {
    for (const record of touched(change)) heldTo = Math.max(heldTo, lastOf.get(record) ?? 0);
    const isLarge = index + 1 - (cuts.at(-1) ?? 0) >= atOnce;
    if (isLarge && heldTo <= index) cuts.push(index + 1);
  }
  if (cuts.at(-1) !== changes.length) cuts.push(changes.length);
  const [firstEnd = changes.length, ...ends] = cuts;
  return [{ first: 0, end: firstEnd }, ...ends.map((end, index) => ({ first: cuts[index] ?? 0, end }))];
}

/** At least one. */
export type PushSlices = readonly [PushSlice, ...PushSlice[]];

/** A stretch of a push. */
export interface PushSlice {
  readonly first: number;
  /** One after the last. */
  readonly end: number;
}

/** Whether the edits come as the store would take them. A version that cannot be read is the store's to reject. */
function isInOrder(changes: readonly PushedChange[]): boolean {
  let before = Number.NEGATIVE_INFINITY;
  for (const { version, heal } of changes) {
    const sequence = Number(version.slice(version.lastIndexOf("-") + 1));
    if (heal !== undefined || !(sequence > before)) return false;
    before = sequence;
  }
  return true;
}

function touched({ recordId, content }: PushedChange): string[] {
  const ids = content.case === "relationship" ? [recordId, content.value.fromId, content.value.toId] : [recordId];
  return ids.map((id) => id.toLowerCase());
}
