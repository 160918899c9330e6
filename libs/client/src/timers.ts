import type { Clock } from "@funkygibbon/kernel/clock";

/** Calls things later. Passed in, so that tests decide when later is. */
export interface Timers {
  /** Calls `callback` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Timers of the platform take no longer delay: 25 days. A clock that was set back may ask for years. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** The timers of the platform; what is more than 25 days away comes after 25 days. */
export const systemTimers: Timers = {
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(delayMs, MAX_DELAY_MS));
    return () => clearTimeout(handle);
  },
};

/** Resolves after `delayMs`, or as soon as one of the signals is aborted; never rejects. */
export function pause(timers: Timers, delayMs: number, ...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      for (const signal of signals) signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(delayMs, done);
    for (const signal of signals) signal.addEventListener("abort", done, { once: true });
  });
}

/** What `promise` comes to, unless the signal is aborted before. @throws the signal's reason, too. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const value = await Promise.race([promise, aborted]);
    signal.throwIfAborted();
    return value;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** What a session needs of the world around it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  /** From 0 to 1, as Math.random. */
  readonly random: () => number;
}
