import type { DeviceId, Epoch, HouseholdId, RecordId } from "@funkygibbon/kernel/ids";
import { expect, it } from "vitest";
import { stageEdit } from "./edit-queue.ts";
import { LocalReplica } from "./local-replica.ts";
import { MemoryStore } from "./memory-store.ts";
import { nodeSha256 } from "./node-hashes.ts";
import { PushPump } from "./push-pump.ts";
import { ManualClock } from "./testing/scenario.ts";

const id = (n: number) => `01930000-0000-7000-8000-00000000000${n}` as RecordId;

it("sleeps until a deferred edit may go that holds up another one whose time has come", async () => {
  const clock = new ManualClock();
  const replica = await LocalReplica.open({
    store: new MemoryStore(),
    deviceId: "ada" as DeviceId,
    sha256: nodeSha256,
  });
  const edge = (to: RecordId) => ({ kind: "relationship", type: "located_in", from: id(1), to }) as const;
  await replica.transact("local", (tx) => {
    for (const [index, nextAtUs] of [clock.now() + 5_000_000, 0].entries()) {
      const content = { ...edge(id(2 + index)), source: "manual", bodyJson: "{}" } as const;
      const draft = { record: id(8 + index), content, deleted: false, wish: undefined, changedKeys: [] };
      const edit = stageEdit(tx, draft, clock);
      if (edit !== undefined) tx.putEdit({ ...edit, state: { kind: "deferred", sinceUs: clock.now(), nextAtUs } });
    }
  });
  const delays: number[] = [];
  const pump = new PushPump({
    ...{ replica, clock, household: "h1" as HouseholdId, epoch: "e1" as Epoch, window: 1, random: () => 0 },
    timers: {
      after: (delayMs) => {
        delays.push(delayMs);
        return () => {};
      },
    },
    send: () => Promise.reject(new Error("nothing may go yet")),
    onRefused: () => {},
    onFailure: (error) => delays.push(Number.NaN, String(error).length),
  });
  pump.resume();
  await expect.poll(() => delays).toEqual([5_000]);
  pump.close();
});
