import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkInvariants } from "./check-invariants.ts";
import { SABOTAGES } from "./sabotage.ts";
import { schedules, schedulesWithRestores } from "./schedule.ts";
import { simulate } from "./simulation.ts";

/** Within so many schedules what is broken must have shown. */
const SCHEDULES = 150;

describe("the simulation notices", () => {
  it.each(SABOTAGES)(
    "%s (%s)",
    async (_what, invariant, sabotage) => {
      const chosen = invariant === "I13" ? schedulesWithRestores : schedules;
      let found: string | undefined;
      for (const schedule of fc.sample(chosen, { numRuns: SCHEDULES, seed: 20_261_122 })) {
        const problems = checkInvariants(await simulate(schedule, { sabotage }));
        found = problems.find((problem) => problem.split(":")[0]?.split(", ").includes(invariant));
        if (found !== undefined) break;
      }
      expect(found).toMatch(new RegExp(`\\b${invariant}\\b`));
    },
    60_000,
  );
});
