import { it } from "vitest";
import { holdUnder, runsOf, timeLimitMs } from "./hold-under.ts";
import { schedules } from "./schedule.ts";

const RUNS = runsOf(1);

it(
  "keeps I1, I2, I3, I6, I7, I9 and I10 under any schedule of edits, crashes, lost and late messages, clones and clocks that are off by days",
  async () => {
    await holdUnder(schedules, RUNS);
  },
  timeLimitMs(RUNS),
);
