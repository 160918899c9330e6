import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId } from "@funkygibbon/kernel/ids";
import { parseVersion } from "@funkygibbon/kernel/version";
import { type CommitFacts, type Neighbours, sequenceKey } from "./commit-facts.ts";
import { judgedHeal, judgedTime, neighboursInHead } from "./judged-times.ts";
import { eachWithFacts, known, type MissingFacts } from "./missing-fact.ts";
import type { ValidChange } from "./prepared-change.ts";
import type { PushOrder } from "./push-order.ts";
import type { WorkingLog } from "./working-log.ts";

/** The device of a push and its clock. */
export interface PushClock {
  readonly device: DeviceId;
  readonly receivedUs: Micros;
  /** Device clock minus server clock. */
  readonly clockOffsetUs: number;
  /** As of when the newest edit before those of the push counts; 0: there is none. */
  readonly notBeforeUs: Micros;
}

/** The log that a push comes to, and its edits by what depends on what. */
export interface PushGround {
  readonly log: WorkingLog;
  readonly order: PushOrder;
}

/**
 * When the edits of a push were made, as far as that decides merges (docs/protocol.md, section 2): by the device's
 * clock, corrected by its offset, never later than receipt, not before what they build on, and within what is known of
 * the edits before and after them in the device's own sequence. So a device whose clock is wrong neither wins from the
 * future nor reorders its own edits, and nobody's edit loses to one that it has overwritten. Heals bring their times
 * along. What the log has judged already, be it by the stamps of something healed, is not judged again.
 */
export function effectiveTimes(
  changes: readonly ValidChange[],
  clock: PushClock,
  ground: PushGround,
  missing: MissingFacts,
): Map<ValidChange, Micros> {
  const { log } = ground;
  const times = new Map<ValidChange, Micros>();
  for (const change of changes) {
    const fixedUs = missing.attempt(() => fixedTime(change, clock, log));
    if (fixedUs !== undefined) times.set(change, fixedUs);
  }
  const own = changes.filter((change) => change.device === clock.device).toSorted((a, b) => a.sequence - b.sequence);
  const notAfter = timesAbove(own, times);
  let previousUs = clock.notBeforeUs;
  for (const change of own) {
    const nextUs = notAfter.get(change) ?? Number.POSITIVE_INFINITY;
    const effectiveUs =
      times.get(change) ??
      missing.attempt(() => {
        const builtOnUs = timeBuiltOn(change, times, ground);
        return boundedTime(change, { notBeforeUs: Math.max(previousUs, builtOnUs), nextUs }, clock, log);
      }) ??
      clock.receivedUs;
    times.set(change, effectiveUs);
    previousUs = Math.max(previousUs, effectiveUs);
  }
  return times;
}

/** The time of an edit that is not for its device's clock to say; undefined when it is. */
function fixedTime(change: ValidChange, { receivedUs }: PushClock, log: WorkingLog): Micros | undefined {
  const stored = log.facts.sequences.get(sequenceKey(change));
  // A resend, or a sequence used twice: refused, so its time is of no account.
  if (stored != null) return stored.effectiveUs;
  const { heal } = change;
  return heal === undefined
    ? judgedTime(log, change.record, change)
    : judgedHeal(log, { ...change, heal }, receivedUs).effectiveUs;
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

/**
 * The time of the newest edit that a change builds on, as far as that is known. It is later by the least that there is
 * than another device's, or equal times would be told apart by the names of the devices.
 */
function timeBuiltOn(change: ValidChange, times: ReadonlyMap<ValidChange, Micros>, { log, order }: PushGround): Micros {
  let builtOnUs = Number.NEGATIVE_INFINITY;
  const inPush = order.parentsOf(change);
  for (const parent of inPush) builtOnUs = Math.max(builtOnUs, after(parent, times.get(parent), change));
  const before = change.parents.filter((version) => !inPush.some((parent) => parent.version === version));
  const timesBefore = eachWithFacts(before, (version) => {
    const stored = log.version(change.record, version);
    const parent = stored ?? parseVersion(version);
    return after(parent, stored?.effectiveUs ?? judgedTime(log, change.record, parent), change);
  });
  return Math.max(builtOnUs, ...timesBefore);
}

function after(parent: Pick<ValidChange, "device">, timeUs: Micros | undefined, change: ValidChange): Micros {
  if (timeUs === undefined) return Number.NEGATIVE_INFINITY;
  return parent.device === change.device ? timeUs : timeUs + 1;
}

interface PushBounds {
  /** Of the edits below it in the same push, and of what it builds on. */
  readonly notBeforeUs: Micros;
  /** Of the next one above it in the same push whose time is fixed. */
  readonly nextUs: Micros;
}

function boundedTime(change: ValidChange, bounds: PushBounds, clock: PushClock, log: WorkingLog): Micros {
  const inLog = neighboursOf(change.device, change.sequence, log.facts);
  const inHead = neighboursInHead(log, change.record, change);
  const claimedUs = Math.min(change.claimedUs - clock.clockOffsetUs, clock.receivedUs);
  const notBefore = Math.max(claimedUs, bounds.notBeforeUs, inLog.lowerUs ?? 0, inHead.lowerUs ?? 0);
  const notAfter = Math.min(bounds.nextUs, inLog.higherUs ?? NEVER, inHead.higherUs ?? NEVER);
  return Math.max(0, Math.min(notBefore, notAfter));
}

const NEVER = Number.POSITIVE_INFINITY;

function neighboursOf(device: DeviceId, sequence: number, facts: CommitFacts): Neighbours {
  const clock = known(facts.clocks.get(device), (needs) => needs.clocks.add(device));
  if (clock === null || sequence > clock.sequence) return { lowerUs: clock?.effectiveUs, higherUs: undefined };
  const key = { device, sequence };
  return known(facts.neighbours.get(sequenceKey(key)), (needs) => needs.neighbours.set(sequenceKey(key), key));
}
