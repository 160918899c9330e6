import { parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { expect, test } from "vitest";
import type { HouseholdClock } from "../domain/ports.ts";
import type { Credentials } from "./change-log.ts";
import { HouseholdClocks } from "./household-clocks.ts";

const home = parseHouseholdId("home");
const credentials = {} as Credentials;
const epoch = parseEpoch("01890000-0000-7000-8000-000000000001");

/** A store whose looks are answered one by one, with what the store held when they began. */
class SlowStore {
  headSeq: number | undefined;
  mayCreate: Promise<void> = Promise.resolve();
  readonly #looks: (() => void)[] = [];

  clock(): Promise<HouseholdClock | undefined> {
    const { promise, resolve } = Promise.withResolvers<HouseholdClock | undefined>();
    const seen = this.headSeq;
    const position = seen === undefined ? undefined : { epoch, headSeq: seen, digest: 0n, committedUs: 0 };
    this.#looks.push(() => resolve(position && { position, versions: {} }));
    return promise;
  }

  async create(): Promise<void> {
    await this.mayCreate;
    this.headSeq ??= 0;
  }

  get looksUnderWay(): number {
    return this.#looks.length;
  }

  async answerOne(): Promise<void> {
    await expect.poll(() => this.#looks.length).toBeGreaterThan(0);
    this.#looks.shift()?.();
  }
}

function setUp() {
  const store = new SlowStore();
  const live = { read: async () => undefined, replace: async () => {}, raise: async () => {} };
  return { store, clocks: new HouseholdClocks(live, store) };
}

test("a look that began before the household was created does not stand for the one after it", async () => {
  const { store, clocks } = setUp();
  const { promise: mayCreate, resolve: letCreate } = Promise.withResolvers<void>();
  store.mayCreate = mayCreate;
  const first = clocks.durable(home, credentials);
  await store.answerOne();
  // While the first device creates the household, the look of a second one begins.
  const second = clocks.current(home, credentials);
  await expect.poll(() => store.looksUnderWay).toBe(1);
  letCreate();
  await expect.poll(() => store.headSeq).toBe(0);
  await store.answerOne();
  await store.answerOne();
  expect((await first).position.headSeq).toBe(0);
  expect((await second).position.headSeq).toBe(0);
});

test("what a device knows to be committed is never missing from a durable clock", async () => {
  const { store, clocks } = setUp();
  store.headSeq = 1;
  const earlier = clocks.current(home, credentials);
  await expect.poll(() => store.looksUnderWay).toBe(1);
  store.headSeq = 2;
  const later = [clocks.durable(home, credentials), clocks.durable(home, credentials)];
  expect(store.looksUnderWay).toBe(1);
  await store.answerOne();
  expect((await earlier).position.headSeq).toBe(1);
  await store.answerOne();
  expect((await Promise.all(later)).map(({ position }) => position.headSeq)).toEqual([2, 2]);
  expect(store.looksUnderWay).toBe(0);
});
