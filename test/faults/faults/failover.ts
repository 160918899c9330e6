import { setTimeout as sleep } from "node:timers/promises";
import { killPostgres } from "../../support/own-servers.ts";
import type { Fault } from "../fault.ts";
import { Standby } from "../standby.ts";

const MISSED_COMMITS = 10;

/** The primary dies, and the replica that takes its place has not heard of the last commits, which were acknowledged. */
export const failedOver: Fault = {
  summary: "failover to a replica that misses the last ten commits",
  renewsEpoch: true,
  async play({ system, network, crowd, size, outageMs, complain, rememberLineage, mustComeBack }) {
    const { id } = crowd.household;
    await using standby = await Standby.follow(system);
    await crowd.live(() => crowd.untilAnswered(size.answers));
    standby.cutOff();
    await crowd.live(async () => {
      const { headSeq } = await system.log(id);
      // Each is a commit of its own, at most as many to a commit as there are devices.
      while ((await system.log(id)).headSeq < headSeq + MISSED_COMMITS * size.devices) await crowd.untilAnswered(1);
    });
    await crowd.settle();
    const before = await system.log(id);
    await rememberLineage();
    await killPostgres(system.postgres);
    mustComeBack(await crowd.holdings());
    const missed = before.headSeq - (await standby.headSeq(id));
    standby.takeOver();
    network.cut();
    // Services find a replica that only reads, as when a name leads there before it is promoted.
    await sleep(outageMs());
    await standby.promote();

    // Nobody writes: devices that come back are the first of whom the new primary hears. Without Redis they are told at
    // once where the log stands, and otherwise when a coordinator next looks.
    if (!size.waitsInFull) await system.tellRedis("FLUSHALL");
    network.cut();
    await crowd.settle();
    const after = await system.log(id);
    if (after.epoch === before.epoch) complain("the epoch is still that of the log that is gone");
    await crowd.live(() => crowd.untilAnswered(size.answers));
    return { missed };
  },
};
