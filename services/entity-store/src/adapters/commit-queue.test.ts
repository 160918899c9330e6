import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { describe, expect, test } from "vitest";
import { CommitQueue } from "./commit-queue.ts";

/** A queue whose groups end when the test says so. */
function setUp(options: { lanes?: number; patienceMs?: number } = {}) {
  const groups: { readonly jobs: readonly string[]; readonly end: () => void; readonly nextMayBegin: () => void }[] =
    [];
  const queue = new CommitQueue<string>({
    lanes: options.lanes ?? 1,
    maxGroupHouseholds: 3,
    maxGroupRows: 100,
    aloneFromSize: 50,
    patienceMs: options.patienceMs ?? 60_000,
    run: (jobs, nextMayBegin) => new Promise((resolve) => groups.push({ jobs, end: resolve, nextMayBegin })),
  });
  const add = (household: string, job: string, size = 1) =>
    queue.add({ household: household as HouseholdId, job, size });
  const endNext = async () => {
    groups.shift()?.end();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { queue, groups, add, endNext };
}

describe("group commit", () => {
  test("takes small jobs of different households together, when a lane gets free", async () => {
    const { groups, add, endNext } = setUp();
    for (const household of ["a", "b", "c", "d", "e"]) add(household, `${household}1`);
    expect(groups.map((group) => group.jobs)).toEqual([["a1"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["b1", "c1", "d1"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["e1"]]);
  });

  test("gathers the next group while one is under way, though a lane is free", async () => {
    const { groups, add, endNext } = setUp({ lanes: 4 });
    for (const household of ["a", "b", "c"]) add(household, `${household}1`);
    add("big", "big1", 60);
    expect(groups.map((group) => group.jobs)).toEqual([["a1"], ["big1"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["big1"], ["b1", "c1"]]);
  });

  test("begins a group that is full at once", () => {
    const { groups, add } = setUp({ lanes: 4 });
    for (const household of ["a", "b", "c", "d", "e"]) add(household, `${household}1`);
    expect(groups.map((group) => group.jobs)).toEqual([["a1"], ["b1", "c1", "d1"]]);
  });

  test("waits for no group that takes long", async () => {
    const { groups, add } = setUp({ lanes: 4, patienceMs: 1 });
    for (const household of ["a", "b", "c"]) add(household, `${household}1`);
    await expect.poll(() => groups.map((group) => group.jobs)).toEqual([["a1"], ["b1", "c1"]]);
  });

  test("has one job of a household under way, in the order of arrival", async () => {
    const { groups, add, endNext } = setUp({ lanes: 4 });
    add("a", "a1");
    add("a", "a2");
    add("a", "a3");
    expect(groups.map((group) => group.jobs)).toEqual([["a1"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["a2"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["a3"]]);
  });

  test("runs a large job alone and never starves it", async () => {
    const { groups, add, endNext } = setUp();
    add("x", "x1");
    add("a", "a1");
    add("big", "big1", 60);
    add("b", "b1");
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["a1", "b1"]]);
    add("c", "c1");
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["big1"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["c1"]]);
  });

  test("lets households take turns, however many large jobs of one wait and begin ahead", async () => {
    const { groups, add, endNext } = setUp();
    for (let count = 1; count <= 100; count += 1) add("noisy", `n${count}`, 90);
    add("quiet", "q1");
    add("quiet", "q2");
    const order: (readonly string[] | undefined)[] = [];
    for (let count = 0; count < 5; count += 1) {
      groups[0]?.nextMayBegin();
      order.push(groups[0]?.jobs);
      await endNext();
    }
    expect(order).toEqual([["n1"], ["q1"], ["n2"], ["q2"], ["n3"]]);
  });

  test("keeps groups below the row limit", async () => {
    const { groups, add, endNext } = setUp();
    add("x", "x1");
    add("a", "a1", 40);
    add("b", "b1", 40);
    add("c", "c1", 40);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["a1", "b1"]]);
  });

  test("begins one job of a household ahead, alone, once the one before allows it", async () => {
    const { groups, add, endNext } = setUp({ lanes: 4 });
    for (const job of ["a1", "a2", "a3"]) add("a", job);
    groups[0]?.nextMayBegin();
    groups[0]?.nextMayBegin();
    expect(groups.map((group) => group.jobs)).toEqual([["a1"], ["a2"]]);
    groups[1]?.nextMayBegin();
    expect(groups.map((group) => group.jobs)).toEqual([["a1"], ["a2"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["a2"], ["a3"]]);
  });

  test("lets nobody begin ahead of a job that does not allow it, though an earlier one did", async () => {
    const { groups, add, endNext } = setUp({ lanes: 4 });
    for (const job of ["a1", "a2", "a3"]) add("a", job);
    const [first] = groups;
    first?.nextMayBegin();
    await endNext();
    first?.nextMayBegin();
    expect(groups.map((group) => group.jobs)).toEqual([["a2"]]);
    await endNext();
    expect(groups.map((group) => group.jobs)).toEqual([["a3"]]);
  });

  test("says when nothing is left", async () => {
    const { queue, add, endNext } = setUp();
    add("a", "a1");
    add("a", "a2");
    let idle = false;
    const waiting = queue.whenIdle().then(() => {
      idle = true;
    });
    await endNext();
    expect(idle).toBe(false);
    await endNext();
    await waiting;
    expect(queue.depth).toBe(0);
  });
});
