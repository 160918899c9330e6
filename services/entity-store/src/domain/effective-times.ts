import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId } from "@funkygibbon/kernel/ids";
import { type CommitFacts, type Neighbours, sequenceKey } from "./commit-facts.ts";
import { known, type MissingFacts } from "./missing-fact.ts";
import type { ValidChange } from "./prepared-change.ts";

/** The clock of the device of a push. */
export interface PushClock {
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
  const inOrder = changes.toSorted((a, b) => a.sequence - b.sequence);
  let previousUs = Number.NEGATIVE_INFINITY;
  for (const change of inOrder) {
    if (change.heal !== undefined) {
      times.set(change, change.heal.effectiveUs);
      continue;
    }
    const stored = facts.sequences.get(sequenceKey(change));
    const effectiveUs =
      stored?.effectiveUs ?? missing.attempt(() => boundedTime(change, previousUs, clock, facts)) ?? clock.receivedUs;
    times.set(change, effectiveUs);
    previousUs = Math.max(previousUs, effectiveUs);
  }
  return times;
}

function boundedTime(change: ValidChange, previousUs: Micros, clock: PushClock, facts: CommitFacts): Micros {
  const { lowerUs, higherUs } = neighboursOf(change.device, change.sequence, facts);
  const claimedUs = Math.min(change.claimedUs - clock.clockOffsetUs, clock.receivedUs);
  const notBefore = Math.max(claimedUs, previousUs, lowerUs ?? Number.NEGATIVE_INFINITY);
  return Math.max(0, Math.min(notBefore, higherUs ?? Number.POSITIVE_INFINITY));
}

function neighboursOf(device: DeviceId, sequence: number, facts: CommitFacts): Neighbours {
  const clock = known(facts.clocks.get(device), (needs) => needs.clocks.add(device));
  if (clock === null || sequence > clock.sequence) return { lowerUs: clock?.effectiveUs, higherUs: undefined };
  const key = { device, sequence };
  return known(facts.neighbours.get(sequenceKey(key)), (needs) => needs.neighbours.set(sequenceKey(key), key));
}
