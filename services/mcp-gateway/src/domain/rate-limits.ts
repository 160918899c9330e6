import type { Identity } from "@funkygibbon/kernel/identity";

/**
 * What becomes of one more request of a user.
 * - `over`: it is too many; so said, the caller can do better.
 * - `flood`: it is so many that no work is spent on saying it nicely.
 */
export type Allowance = { readonly kind: "allowed" } | { readonly kind: "over" | "flood"; readonly waitMs: number };

/** How much each user may ask. */
export interface RateLimits {
  spend(caller: Pick<Identity, "household" | "user">): Promise<Allowance>;
}
