import { expect, it } from "vitest";
import { MemoryStore } from "./memory-store.ts";
import type { SharedStore, StoreNews } from "./store.ts";
import { ModelServer } from "./testing/model-server.ts";
import { sampleId, sampleMeta, sampleRecord } from "./testing/sample-replica.ts";
import { clientOf, within } from "./testing/scenario.ts";

/** A store of which another tab has the lead; turns are given when the test says so. */
class FollowersStore extends MemoryStore {
  #gate: Promise<StoreNews | undefined> = Promise.resolve(undefined);
  heard: (message: unknown) => void = () => {};
  written: () => void = () => {};
  readonly shared: SharedStore = {
    takeTurn: async (work) => work(await this.#gate),
    takeLead: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    tell: () => {},
    listen: (listener) => {
      this.heard = listener;
    },
    onWritten: (listener) => {
      this.written = listener;
    },
  };

  /** @returns what gives the next turn, with what the other tab has written. */
  holdTurns(): (news: StoreNews) => void {
    const { promise, resolve } = Promise.withResolvers<StoreNews | undefined>();
    this.#gate = promise;
    return resolve;
  }
}

it("a tab that hears that the one in the lead is up to date says so once it has what that one has stored", async () => {
  const store = new FollowersStore();
  await using tab = await clientOf(new ModelServer(), { deviceId: "tab", store });
  tab.connect();
  const giveTurn = store.holdTurns();
  store.written();
  for (const upToDateSeq of [0, 1]) store.heard({ kind: "state", state: { phase: "live", headSeq: 1, upToDateSeq } });
  const settled = tab.settled(within()).then(() => tab.get(sampleId(0)));
  await new Promise((resolve) => setImmediate(resolve));
  expect(tab.state.upToDateSeq).toBe(0);
  giveTurn({ meta: sampleMeta(), clearRecords: false, records: [sampleRecord(0)], edits: [] });
  expect(await settled).toMatchObject({ id: sampleId(0) });
});
