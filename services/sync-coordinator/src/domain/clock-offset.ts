import { type Micros, nearestMicros } from "@funkygibbon/kernel/clock";

/** A reading this old says little about a clock that drifts. */
const READING_AGE_US = 60_000_000;
/** A device's clock that reads this much earlier than before was set back. */
const STEP_US = 1_000_000;
/** An offset behind ours up to here cannot be told from a message that was under way. */
const UNCERTAINTY_US = 100_000;

interface Reading {
  readonly offsetUs: number;
  readonly atUs: Micros;
}

/**
 * How far a device's clock is ahead of ours (docs/protocol.md, section 2), from the times that its messages bear. A
 * message takes a while, so each reading is too low by that; the greatest of the last minute is nearest to the truth.
 */
export class ClockOffset {
  #best: Reading | undefined;

  /** @param deviceUs the device's clock when it sent the message; 0: it did not say. */
  read(deviceUs: Micros, receivedUs: Micros): void {
    if (deviceUs === 0) return;
    const offsetUs = nearestMicros(deviceUs - receivedUs);
    const best = this.#best;
    const isBetter = best === undefined || offsetUs >= best.offsetUs;
    const isStep = best !== undefined && best.offsetUs - offsetUs > STEP_US;
    const isStale = best !== undefined && receivedUs - best.atUs > READING_AGE_US;
    if (isBetter || isStep || isStale) this.#best = { offsetUs, atUs: receivedUs };
  }

  /** The device's clock minus ours, in microseconds; 0 as long as nothing is known, and within what nobody can tell. */
  get us(): number {
    const offsetUs = this.#best?.offsetUs ?? 0;
    return offsetUs <= 0 && offsetUs >= -UNCERTAINTY_US ? 0 : offsetUs;
  }
}
