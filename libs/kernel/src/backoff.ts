/** How waiting grows between attempts. */
export interface BackoffPolicy {
  /** The first wait at most, in milliseconds. */
  readonly baseMs: number;
  /** No wait is longer, in milliseconds. */
  readonly capMs: number;
}

/**
 * How long to wait before attempt number `attempt` (0: the first retry), in milliseconds: anything up to an
 * exponentially growing bound, so that many waiters spread out ("full jitter").
 * @param random from 0 to 1, as Math.random.
 */
export function backoffDelayMs(attempt: number, policy: BackoffPolicy, random: () => number = Math.random): number {
  return random() * Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(attempt, 30));
}
