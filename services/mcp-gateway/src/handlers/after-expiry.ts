import { MICROS_PER_MS, systemClock } from "@funkygibbon/kernel/clock";
import type { Identity } from "@funkygibbon/kernel/identity";

/** As long as a timer can be set for. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls `end` when the caller's token expires: what stays open longer than its token is nobody's. Disposing calls it off. */
export function afterExpiry({ expiresAt }: Pick<Identity, "expiresAt">, end: () => void): Disposable {
  const leftMs = (expiresAt - systemClock.now()) / MICROS_PER_MS;
  const timer = setTimeout(end, Math.min(Math.max(leftMs, 0), MAX_TIMER_MS));
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
