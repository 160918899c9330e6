import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_TTL_MS } from "@funkygibbon/sync-coordinator/adapters/redis-leases";
import type { Fault } from "../fault.ts";

/**
 * A coordinator stands still for longer than its leases last and then goes on as if nothing had happened, while some of
 * its devices have gone to the other one and some still wait for it.
 */
export const leaseHolderSuspended: Fault = {
  summary: "SIGSTOP of a coordinator past its leases, while devices go to the other one",
  play: ({ system, network, crowd, size, random }) =>
    crowd.live(async () => {
      for (let round = 0; round < size.rounds; round += 1) {
        await crowd.untilAnswered(random.between(1, size.answers));
        const holder = random.pick(system.constellation.coordinators) ?? system.constellation.coordinators[0];
        holder.suspend();
        network.reset(() => random.happens(0.5));
        if (size.waitsInFull) await sleep(LEASE_TTL_MS + random.between(500, 20_000));
        else {
          await crowd.untilAnswered(size.answers);
          // What the time would have done.
          await system.expireLeases(crowd.household.id);
        }
        holder.resume();
        await crowd.untilAnswered(size.answers);
      }
      return undefined;
    }),
};
