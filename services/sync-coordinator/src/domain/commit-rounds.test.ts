import { internal, unavailable } from "@funkygibbon/kernel/errors";
import { describe, expect, it, vi } from "vitest";
import { commitInRounds } from "./commit-rounds.ts";
import type { PushSlices } from "./push-slices.ts";

const answer = (outcomes: (string | undefined)[], divergences: string[] = []) => ({
  outcomes,
  divergences,
  conflicts: [],
  position: outcomes.length,
  newestUs: 10 * outcomes.length,
});
const whole = (count: number): PushSlices => [{ first: 0, end: count }];
const parts = (answers: ReturnType<typeof answer>[], atOnce = 100) => ({
  commit: vi.fn((_changes: readonly string[], _resolutions: readonly string[], _notBeforeUs: number) => {
    const next = answers.shift();
    if (next === undefined) throw new Error("one commit too many");
    return Promise.resolve(next);
  }),
  resolve: vi.fn((divergences: readonly string[]) =>
    Promise.resolve(divergences.map((record) => `resolved ${record}`)),
  ),
  /** As many changes at once as are asked for; the resolution of a change is the one in its place. */
  inParts: (changes: readonly string[]) => {
    const positions = [...changes.keys()];
    const starts = positions.filter((position) => position % atOnce === 0);
    return starts.map((start) => {
      const part = positions.slice(start, start + atOnce);
      return { changes: part, resolutions: part };
    });
  },
  retry: () => "retry",
});

describe("commitInRounds", () => {
  it("costs one transaction and no resolver when nothing has diverged", async () => {
    const p = parts([answer(["applied", "superseded"])]);
    const { outcomes } = await commitInRounds(["a", "b"], whole(2), p);
    expect(outcomes).toEqual(["applied", "superseded"]);
    expect(p.resolve).not.toHaveBeenCalled();
  });

  it("commits only what diverged again, with its resolutions, and keeps the order of the push", async () => {
    const p = parts([answer(["applied", undefined, "rejected", undefined], ["B", "D"]), answer(["merged", "merged"])]);
    const { outcomes, answers } = await commitInRounds(["a", "b", "c", "d"], whole(4), p);
    expect(outcomes).toEqual(["applied", "merged", "rejected", "merged"]);
    expect(p.commit.mock.calls[1]?.slice(0, 2)).toEqual([
      ["b", "d"],
      ["resolved B", "resolved D"],
    ]);
    expect(answers).toHaveLength(2);
  });

  it("commits in parts what is too large to be committed at once, and resolves again what lost a race in any of them", async () => {
    const p = parts(
      [
        answer([undefined, "applied", undefined, undefined], ["A", "C", "D"]),
        answer(["merged", undefined], ["C again"]),
        answer(["superseded"]),
        answer(["merged"]),
      ],
      2,
    );
    const { outcomes, answers } = await commitInRounds(["a", "b", "c", "d"], whole(4), p);
    expect(outcomes).toEqual(["merged", "applied", "merged", "superseded"]);
    // The second part comes after what has diverged again of the first, too.
    expect(p.commit.mock.calls.slice(1)).toEqual([
      [["a", "c"], ["resolved A", "resolved C"], 0],
      [["d"], ["resolved D"], 20],
      [["c"], ["resolved C again"], 0],
    ]);
    expect(answers).toHaveLength(4);
  });

  it("keeps what one part was answered when the store goes away before the next", async () => {
    const p = parts([answer([undefined, undefined], ["A", "B"]), answer(["merged"])], 1);
    const { commit } = p;
    let calls = 0;
    const goesAway = {
      ...p,
      commit: vi.fn((...call: Parameters<typeof commit>) => {
        calls += 1;
        return calls === 3 ? Promise.reject(unavailable("no store")) : commit(...call);
      }),
    };
    const { outcomes, interruptedBy } = await commitInRounds(["a", "b"], whole(2), goesAway);
    expect(outcomes).toEqual(["merged", "retry"]);
    expect(interruptedBy?.kind).toBe("unavailable");
  });

  it("commits slice by slice, and resolves what diverged in any of them together", async () => {
    const p = parts([answer(["applied", undefined], ["B"]), answer([undefined], ["C"]), answer(["merged", "merged"])]);
    const slices: PushSlices = [
      { first: 0, end: 2 },
      { first: 2, end: 3 },
    ];
    const { outcomes } = await commitInRounds(["a", "b", "c"], slices, p);
    expect(outcomes).toEqual(["applied", "merged", "merged"]);
    // The second slice comes after what has diverged of the first, too.
    expect(p.commit.mock.calls).toEqual([
      [["a", "b"], [], 0],
      [["c"], [], 20],
      [["b", "c"], ["resolved B", "resolved C"], 0],
    ]);
  });

  it("keeps what the first slice was answered when the store goes away before the second", async () => {
    const p = parts([answer(["applied"])]);
    const commit = vi.fn((...call: Parameters<typeof p.commit>) =>
      commit.mock.calls.length > 1 ? Promise.reject(unavailable("no store")) : p.commit(...call),
    );
    const slices: PushSlices = [
      { first: 0, end: 1 },
      { first: 1, end: 2 },
    ];
    const { outcomes, interruptedBy } = await commitInRounds(["a", "b"], slices, { ...p, commit });
    expect(outcomes).toEqual(["applied", "retry"]);
    expect(interruptedBy?.kind).toBe("unavailable");
  });

  it("resolves again against the head as it then is when a race was lost", async () => {
    const p = parts([answer([undefined], ["B at 1"]), answer([undefined], ["B at 2"]), answer(["merged"])]);
    expect((await commitInRounds(["b"], whole(1), p)).outcomes).toEqual(["merged"]);
    expect(p.resolve.mock.calls).toEqual([[["B at 1"]], [["B at 2"]]]);
  });

  it("answers RETRY after five lost races, and leaves the others answered", async () => {
    const p = parts([
      answer(["applied", undefined], ["B"]),
      ...Array.from({ length: 5 }, () => answer([undefined], ["B"])),
    ]);
    const { outcomes, interruptedBy } = await commitInRounds(["a", "b"], whole(2), p);
    expect(outcomes).toEqual(["applied", "retry"]);
    expect(interruptedBy).toBeUndefined();
    expect(p.resolve).toHaveBeenCalledTimes(5);
  });

  it("answers RETRY for what diverged while the resolver is away: the rest is committed already", async () => {
    const p = parts([answer(["applied", undefined], ["B"])]);
    p.resolve.mockRejectedValue(unavailable("no resolver"));
    const { outcomes, interruptedBy } = await commitInRounds(["a", "b"], whole(2), p);
    expect(outcomes).toEqual(["applied", "retry"]);
    expect(interruptedBy?.kind).toBe("unavailable");
  });

  it("fails as a whole when the first transaction fails, and on faults of our own", async () => {
    const away = parts([]);
    away.commit.mockRejectedValue(unavailable("no store"));
    await expect(commitInRounds(["a"], whole(1), away)).rejects.toMatchObject({ kind: "unavailable" });
    const broken = parts([answer([undefined], ["A"])]);
    broken.resolve.mockRejectedValue(internal("a bug"));
    await expect(commitInRounds(["a"], whole(1), broken)).rejects.toMatchObject({ kind: "internal" });
  });
});
