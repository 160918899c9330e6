import { setTimeout as sleep } from "node:timers/promises";
import { killPostgres } from "../../support/own-servers.ts";
import type { Fault, Stage } from "../fault.ts";

/** PostgreSQL is restarted in good order: open transactions are rolled back, connections end. */
export const postgresRestarted: Fault = {
  summary: "PostgreSQL restarted in good order",
  play: (stage) => withoutPostgres(stage, () => stage.system.postgres.stop()),
};

/** PostgreSQL ends as by a power cut and has to recover. */
export const postgresKilled: Fault = {
  summary: "kill -9 of PostgreSQL, every process of it",
  play: (stage) => withoutPostgres(stage, () => killPostgres(stage.system.postgres)),
};

/** The way to PostgreSQL is broken off in the middle of whatever is under way. */
export const postgresCutOff: Fault = {
  summary: "connections from entity-store to PostgreSQL broken off",
  play: ({ system, crowd, size, random }) =>
    crowd.live(async () => {
      const cuts = size.rounds * 5;
      for (let round = 0; round < cuts; round += 1) {
        await crowd.untilAnswered(random.between(1, size.answers));
        if (random.happens(0.5)) system.database.reset();
        else system.database.halve();
        await sleep(random.between(0, 50));
        system.database.reset();
      }
      await crowd.untilAnswered(size.answers);
      return { cuts };
    }),
};

function withoutPostgres({ system, crowd, size, random, outageMs }: Stage, end: () => Promise<void>) {
  return crowd.live(async () => {
    for (let round = 0; round < size.rounds; round += 1) {
      await crowd.untilAnswered(random.between(1, size.answers));
      await end();
      await sleep(outageMs());
      await system.startPostgres();
    }
    await crowd.untilAnswered(size.answers);
    return undefined;
  });
}
