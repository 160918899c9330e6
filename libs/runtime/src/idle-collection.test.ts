import { describe, expect, it } from "vitest";
import { IdleCollection } from "./idle-collection.ts";

const MB = 1024 * 1024;

/** A process that has, after a collection, `live` bytes left. */
function processWith(live: number) {
  const state = { resident: live, busy: 0, live, collections: 0 };
  const collection = new IdleCollection({
    resident: () => state.resident,
    busy: () => state.busy,
    collect() {
      state.collections += 1;
      state.resident = state.live;
    },
  });
  return { state, look: () => collection.look() };
}

describe("IdleCollection", () => {
  it("collects once what starting has left, then nothing while nothing is done", () => {
    const { state, look } = processWith(100 * MB);
    for (let times = 0; times < 5; times += 1) look();
    expect(state.collections).toBe(1);
  });

  it("collects what a burst has left, when it has ended", () => {
    const { state, look } = processWith(100 * MB);
    look();
    look();
    Object.assign(state, { resident: 300 * MB, busy: 0.9 });
    look();
    expect(state.collections).toBe(1);
    state.busy = 0.01;
    look();
    expect(state).toMatchObject({ collections: 2, resident: 100 * MB });
    look();
    look();
    expect(state.collections).toBe(2);
  });

  it("does not collect again and again what is no garbage", () => {
    const { state, look } = processWith(100 * MB);
    look();
    look();
    Object.assign(state, { resident: 300 * MB, live: 300 * MB });
    for (let times = 0; times < 5; times += 1) look();
    expect(state.collections).toBe(2);
  });

  it("lets be what is not worth a pause", () => {
    const { state, look } = processWith(100 * MB);
    look();
    look();
    state.resident += 15 * MB;
    look();
    expect(state.collections).toBe(1);
  });
});
