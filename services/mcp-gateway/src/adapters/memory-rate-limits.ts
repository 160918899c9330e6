import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { RateLimits } from "../domain/rate-limits.ts";

/** This many times over the limit is a flood. */
const FLOOD_FACTOR = 2;

/**
 * A budget of each second for each user, counted by this replica alone: behind N replicas a user may ask up to N times as
 * much. It keeps one assistant that has gone astray from the others; what a household may change is the store's to limit.
 */
export function memoryRateLimits(requestsPerSecond: number): RateLimits {
  const limiter = new RateLimiterMemory({ points: requestsPerSecond, duration: 1 });
  return {
    async spend({ household, user }) {
      try {
        await limiter.consume(JSON.stringify([household, user]));
        return { kind: "allowed" };
      } catch (over) {
        if (!(over instanceof RateLimiterRes)) throw over;
        const kind = over.consumedPoints > requestsPerSecond * FLOOD_FACTOR ? "flood" : "over";
        return { kind, waitMs: Math.max(1, over.msBeforeNext) };
      }
    },
  };
}
