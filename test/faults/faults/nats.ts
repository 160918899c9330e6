import { setTimeout as sleep } from "node:timers/promises";
import { kill } from "../../support/own-servers.ts";
import type { Fault, Stage } from "../fault.ts";

/** NATS dies and comes back with what it had. */
export const natsRestarted: Fault = {
  summary: "kill -9 of NATS, which comes back with its store",
  play: (stage) => withoutNats(stage, { wiped: false }),
};

/** NATS dies and comes back without streams. */
export const natsWiped: Fault = {
  summary: "kill -9 of NATS, which comes back with an empty store",
  play: (stage) => withoutNats(stage, { wiped: true }),
};

/** There is no NATS at all, from the first edit to the last. */
export const natsAbsent: Fault = {
  summary: "no NATS at all while devices edit and settle",
  async play({ system, crowd, size }) {
    await kill(system.nats);
    await crowd.live(() => crowd.untilAnswered(size.answers * size.rounds), { contact: "flapping" });
    const settledMs = Math.round(await crowd.settle());
    await system.startNats();
    return { settledWithoutMs: settledMs };
  },
};

function withoutNats({ system, crowd, size, random, outageMs }: Stage, options: { readonly wiped: boolean }) {
  return crowd.live(async () => {
    for (let round = 0; round < size.rounds; round += 1) {
      await crowd.untilAnswered(random.between(1, size.answers));
      await kill(system.nats);
      await crowd.untilAnswered(size.answers);
      await sleep(outageMs());
      await system.startNats(options);
    }
    await crowd.untilAnswered(size.answers);
    return undefined;
  });
}
