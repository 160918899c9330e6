import { basename } from "node:path";
import { must } from "@funkygibbon/kernel/must";
import * as fc from "fast-check";
import { expect } from "vitest";
import { checkInvariants } from "./check-invariants.ts";
import { describeSchedule, type Schedule } from "./schedule.ts";
import { simulate } from "./simulation.ts";

/** Schedules of each of the two properties in a test run: a thousand together, the same ones each time. */
const RUNS = 500;
const SEED = 20_261_122;
/** How many lines of what happened are shown of a schedule that has failed. */
const SHOWN_EVENTS = 200;

/** How many schedules a property plays: five hundred, or as many as `npm run soak` says, times `inSoak`. */
export function runsOf(inSoak: number): number {
  return process.env.SOAK === undefined ? RUNS : Number(process.env.SOAK) * inSoak;
}

/** How long they may take, in milliseconds: generous, for a machine that has other things to do. */
export function timeLimitMs(runs: number): number {
  return 60_000 + runs * 200;
}

/**
 * Plays random schedules and demands that every invariant holds after each. What fails is made as small as it can be and
 * thrown, within the time limit, with all that is needed to see it again: `SIMULATION=<seed>:<path>` replays it.
 */
export async function holdUnder(schedules: fc.Arbitrary<Schedule>, runs: number): Promise<void> {
  const result = await fc.check(
    fc.asyncProperty(schedules, async (schedule) => {
      const problems = checkInvariants(await simulate(schedule));
      if (problems.length > 0) throw new Error(problems.join("\n"));
    }),
    { numRuns: runs, interruptAfterTimeLimit: timeLimitMs(runs) / 2, markInterruptAsFailure: true, ...replayed() },
  );
  if (result.failed) throw new Error(await describeFailure(result));
}

/** Which schedules: those that `SIMULATION` asks for, new ones in a soak, else always the same. */
function replayed(): fc.Parameters<[Schedule]> {
  const [seed, ...path] = (process.env.SIMULATION ?? "").split(":");
  if (seed === undefined || seed === "") return process.env.SOAK === undefined ? { seed: SEED } : {};
  return { seed: Number(seed), path: path.join(":"), endOnFailure: true };
}

function thisFile(): string {
  return basename(must(expect.getState().testPath, "a property holds in a test file"));
}

async function describeFailure(result: fc.RunDetails<[Schedule]>): Promise<string> {
  const { counterexample, counterexamplePath, seed, numRuns, numShrinks } = result;
  if (counterexample === null) return `only ${numRuns} schedules were played in the time that there was`;
  const [schedule] = counterexample;
  const simulation = await simulate(schedule, { isTold: true });
  // Of devices that wait for ten minutes there would be nothing but heartbeats to be read.
  const events = simulation.journal.events.filter((event) => !/ (ping|pong)$/.test(event));
  return [
    `Schedule ${numRuns} broke what the protocol promises:`,
    ...checkInvariants(simulation).map((problem) => `  ${problem}`),
    `Made smaller ${numShrinks} times it is: ${describeSchedule(schedule)}`,
    `What happened${events.length > SHOWN_EVENTS ? `, the last of ${events.length} lines` : ""}:`,
    ...events.slice(-SHOWN_EVENTS).map((event) => `  ${event}`),
    `Again: SIMULATION=${seed}:${counterexamplePath ?? ""} npm test -- test/simulation/${thisFile()}`,
  ].join("\n");
}
