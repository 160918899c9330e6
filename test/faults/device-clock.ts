import { type Clock, MICROS_PER_MS, type Micros, systemClock } from "@funkygibbon/kernel/clock";

/** The clock of a device, as wrong as it is told to be. */
export class DeviceClock implements Clock {
  /** How far it is ahead of the truth, in milliseconds; may change at any time. */
  offsetMs = 0;

  now(): Micros {
    return systemClock.now() + this.offsetMs * MICROS_PER_MS;
  }
}
