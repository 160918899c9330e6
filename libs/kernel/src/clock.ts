/** Microseconds since 1970-01-01T00:00:00Z: a safe integer, so between the years 1684 and 2255. */
export type Micros = number;

/** The nearest time, or difference of times, that {@link Micros} can hold: clocks may claim any year. */
export function nearestMicros(us: number): Micros {
  return Math.min(Math.max(us, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

/** The source of the present. Passed in wherever time matters, so tests decide what time it is. */
export interface Clock {
  /** Now, in microseconds since 1970 (UTC). May step back when the machine's clock is set. */
  now(): Micros;
}

/** The machine's own clock, at its millisecond precision. */
export const systemClock: Clock = { now: () => Date.now() * 1_000 };

/** Microseconds of one millisecond. */
export const MICROS_PER_MS = 1_000;
