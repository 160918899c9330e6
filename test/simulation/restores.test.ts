import { it } from "vitest";
import { holdUnder, runsOf, timeLimitMs } from "./hold-under.ts";
import { schedulesWithRestores } from "./schedule.ts";

const RUNS = runsOf(3);

it(
  "brings back every edit that any device held after restores of backups and failovers that missed the last commits (I13), and keeps the other invariants",
  async () => {
    await holdUnder(schedulesWithRestores, RUNS);
  },
  timeLimitMs(RUNS),
);
