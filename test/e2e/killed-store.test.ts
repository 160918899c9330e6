import { beforeAll, describe, expect, it } from "vitest";
import { KillTrial } from "../support/kill-trial.ts";
import { type KillableStore, killableStore } from "../support/killable-store.ts";

/** Two kills each: one trial in `npm test`, five in `npm run soak`. */
const TRIALS = process.env.SOAK === undefined ? 1 : 5;

let store: KillableStore;
beforeAll(async () => {
  store = await killableStore();
  return () => store[Symbol.asyncDispose]();
});

describe("I1: kill -9 of entity-store and of PostgreSQL in the middle of 10,000 commits", () => {
  it.each(Array.from({ length: TRIALS }, (_, index) => index + 1))(
    "loses nothing acknowledged, leaves no gap and no half batch, and what was not answered completes (trial %i)",
    { timeout: 180_000 },
    async () => {
      const trial = await KillTrial.open(store, { households: 32, commits: 10_000 });
      const writing = trial.write();
      for (const [victim, earliest] of [
        ["entity-store", 1_000],
        ["PostgreSQL", 5_000],
      ] as const) {
        await trial.untilAcknowledged(earliest + 3_500 * Math.random());
        expect(await trial.killAndInspect(victim)).toBeGreaterThan(0);
      }
      await writing;
      await trial.expectEverything();
    },
  );
});
