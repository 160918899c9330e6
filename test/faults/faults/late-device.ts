import { setTimeout as sleep } from "node:timers/promises";
import { entityStore } from "../entity-store-command.ts";
import type { Fault } from "../fault.ts";

const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;

/** A device that was away for a year comes back with edits of records that are long deleted, and of others. */
export const deviceAYearLate: Fault = {
  summary: "a device a year late, with edits of records that are deleted since",
  async play({ system, crowd, size, random, complain }) {
    await crowd.live(() => crowd.untilAnswered(size.answers * 2));
    await crowd.settle();
    const residents = [...crowd.devices];
    const late = await crowd.open("late-0");
    await crowd.settle();
    await late.client.disconnect();
    late.clock.offsetMs = -YEAR_MS;
    const known = late.client.graph.find();
    for (const { id } of known) await late.update(id);
    for (let edit = 0; edit < size.answers; edit += 1) await late.edit();

    // The year: most of what the device knew is deleted, and old bodies are removed from history.
    const deleted = known.filter(() => random.happens(0.6)).map(({ id }) => id);
    for (const id of deleted) await residents[0]?.client.remove(id);
    await crowd.live(() => crowd.untilAnswered(size.answers), { devices: residents });
    await crowd.settle(residents);
    await system.sql("UPDATE record_versions SET committed_us = committed_us - $2::int8 WHERE household_id = $1", [
      crowd.household.id,
      YEAR_MS * 1_000,
    ]);
    await entityStore(system, "retention", "--older-than", "90d", "--household", crowd.household.id);
    await system.tellRedis("FLUSHALL");

    late.clock.offsetMs = 0;
    await crowd.live(() => sleep(500), { devices: residents });
    await crowd.settle();
    for (const id of deleted) if (late.client.get(id) !== undefined) complain(`${id} lives on the late device (I9)`);
    return { deleted: deleted.length };
  },
};
