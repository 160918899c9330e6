import * as fc from "fast-check";
import { expect, it } from "vitest";
import { schedulesWithRestores } from "./schedule.ts";
import { simulate } from "./simulation.ts";

it("plays a schedule the same way each time, to the last message, and another seed of it in another way", async () => {
  let different = 0;
  for (const schedule of fc.sample(schedulesWithRestores, { numRuns: 10, seed: 7 })) {
    const { journal, store } = await simulate(schedule, { isTold: true });
    const again = await simulate(schedule, { isTold: true });
    expect(again.journal.events).toEqual(journal.events);
    expect(again.store.log.versions).toEqual(store.log.versions);
    const otherwise = await simulate({ ...schedule, seed: schedule.seed + 1 }, { isTold: true });
    if (otherwise.journal.events.join() !== journal.events.join()) different += 1;
  }
  expect(different).toBe(10);
});
