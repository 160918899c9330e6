import { setTimeout as sleep } from "node:timers/promises";
import { kill } from "../../support/own-servers.ts";
import type { Fault } from "../fault.ts";
import { resume, suspend } from "../fault-system.ts";

/** Leases, clocks, limits and presence are gone from one command to the next. */
export const redisFlushed: Fault = {
  summary: "FLUSHALL of Redis",
  play: ({ system, crowd, size, random }) =>
    crowd.live(
      async () => {
        const flushes = size.rounds * 3;
        for (let round = 0; round < flushes; round += 1) {
          await crowd.untilAnswered(random.between(1, size.answers));
          await system.tellRedis("FLUSHALL");
        }
        await crowd.untilAnswered(size.answers);
        return { flushes };
      },
      { contact: "flapping" },
    ),
};

/** Redis dies and comes back empty. */
export const redisRestarted: Fault = {
  summary: "kill -9 of Redis, which comes back empty",
  play: ({ system, crowd, size, random, outageMs }) =>
    crowd.live(
      async () => {
        for (let round = 0; round < size.rounds; round += 1) {
          await crowd.untilAnswered(random.between(1, size.answers));
          await kill(system.redis);
          // Edits are answered and devices are let in without it.
          await crowd.untilAnswered(size.answers);
          await sleep(outageMs());
          await system.startRedis();
        }
        await crowd.untilAnswered(size.answers);
        return undefined;
      },
      { contact: "flapping" },
    ),
};

/** Redis takes connections and commands, and answers nothing for a while. */
export const redisPaused: Fault = {
  summary: "SIGSTOP of Redis: it takes commands and does not answer",
  play: ({ system, crowd, size, random, outageMs }) =>
    crowd.live(
      async () => {
        for (let round = 0; round < size.rounds; round += 1) {
          await crowd.untilAnswered(random.between(1, size.answers));
          suspend(system.redis);
          await crowd.untilAnswered(size.answers);
          await sleep(outageMs());
          resume(system.redis);
        }
        await crowd.untilAnswered(size.answers);
        return undefined;
      },
      { contact: "flapping" },
    ),
};
