import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId } from "@funkygibbon/kernel/ids";
import { type CommitFacts, type Neighbours, sequenceKey } from "./commit-facts.ts";
import { known, type MissingFacts } from "./missing-fact.ts";
import type { ValidChange } from "./prepared-change.ts";

/** The device of a push and its clock. */
export interface PushClock {
  readonly device: DeviceId;
  readonly receivedUs: Micros;
  /** Device clock minus server clock. */
  readonly clockOffsetUs: number;
}

/**
 * When the edits of a push were made, as far as that decides merges (docs/protocol.md, section 2): by the device's
 * clock, corrected by its offset, never later than receipt, and within what is known of the edits before and after it
 * in the device's own sequence. So a device whose clock is wrong neither wins from the future nor reorders its own edits.
 * Heals bring their times along. Edits that the log has already are not computed again.
 */
export function effectiveTimes(
  changes: readonly ValidChange[],
  clock: PushClock,
  facts: CommitFacts,
  missing: MissingFacts,
): Map<ValidChange, Micros> {
  const times = new Map<ValidChange, Micros>();
  for (const change of changes) {
    const fixedUs = facts.sequences.get(sequenceKey(change))?.effectiveUs ?? change.heal?.effectiveUs;
    if (fixedUs !== undefined) times.set(change, fixedUs);
  }
  const own = changes.filter((change) => change.device === clock.device).toSorted((a, b) => a.sequence - b.sequence);
  const notAfter = timesAbove(own, times);
  let previousUs = Number.NEGATIVE_INFINITY;
  for (const change of own) {
    const bounds = { previousUs, nextUs: notAfter.get(change) ?? Number.POSITIVE_INFINITY };
    const effectiveUs =
      times.get(change) ?? missing.attempt(() => boundedTime(change, bounds, clock, facts)) ?? clock.receivedUs;
    times.set(change, effectiveUs);
    previousUs = Math.max(previousUs, effectiveUs);
  }
  return times;
}

/** For each edit the time of the next one above it that is fixed already. */
function timesAbove(inOrder: readonly ValidChange[], fixed: ReadonlyMap<ValidChange, Micros>) {
  const above = new Map<ValidChange, Micros>();
  let nextUs: Micros | undefined;
  for (const change of inOrder.toReversed()) {
    if (nextUs !== undefined) above.set(change, nextUs);
    nextUs = fixed.get(change) ?? nextUs;
  }
  return above;
}

interface PushBounds {
  /** Of the edits below it in the same push. */
  readonly previousUs: Micros;
  /** Of the next one above it in the same push whose time is fixed. */
  readonly nextUs: Micros;
}

function boundedTime(change: ValidChange, bounds: PushBounds, clock: PushClock, facts: CommitFacts): Micros {
  const { lowerUs, higherUs } = neighboursOf(change.device, change.sequence, facts);
  const claimedUs = Math.min(change.claimedUs - clock.clockOffsetUs, clock.receivedUs);
  const notBefore = Math.max(claimedUs, bounds.previousUs, lowerUs ?? Number.NEGATIVE_INFINITY);
  return Math.max(0, Math.min(notBefore, bounds.nextUs, higherUs ?? Number.POSITIVE_INFINITY));
}

function neighboursOf(device: DeviceId, sequence: number, facts: CommitFacts): Neighbours {
  const clock = known(facts.clocks.get(device), (needs) => needs.clocks.add(device));
  if (clock === null || sequence > clock.sequence) return { lowerUs: clock?.effectiveUs, higherUs: undefined };
  const key = { device, sequence };
  return known(facts.neighbours.get(sequenceKey(key)), (needs) => needs.neighbours.set(sequenceKey(key), key));
}
