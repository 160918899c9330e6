import type { VersionId } from "@funkygibbon/kernel/version";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Lineage } from "./lineage.ts";
import type { LineageEntry } from "./stored-version.ts";

const id = (name: string) => name as VersionId;

/** A version of the record, in the order of the log: its name, its parents, and what became of it. */
type Row = readonly [name: string, parents: readonly string[], outcome?: LineageEntry["outcome"], deleted?: boolean];

function lineageOf(rows: readonly Row[], open: readonly string[] = []): Lineage {
  const entries = rows.map(
    ([name, parents, outcome = "applied", deleted = false], index): LineageEntry => ({
      version: id(name),
      parents: parents.map(id),
      seq: index + 1,
      outcome,
      deleted,
    }),
  );
  return new Lineage(entries, open.map(id));
}

const base = (lineage: Lineage, parents: readonly string[], unstored: Record<string, string[]> = {}) =>
  lineage.base(parents.map(id), (version) => unstored[version]?.map(id));

describe("the base of a merge", () => {
  test("is the change's own parent where the head knows it", () => {
    const lineage = lineageOf([
      ["a", []],
      ["b", ["a"]],
      ["c", ["b"]],
    ]);
    expect(base(lineage, ["b"])).toBe("b");
    expect(base(lineage, ["a"])).toBe("a");
  });

  test("is a version that lost or was merged, for the head that decided it knows it", () => {
    const lost = lineageOf([
      ["a", []],
      ["b", ["a"]],
      ["x", ["a"], "superseded"],
    ]);
    expect(base(lost, ["x"])).toBe("x");
    const merged = lineageOf([
      ["a", []],
      ["b", ["a"]],
      ["x", ["a"], "merged"],
      ["m", ["b", "x"]],
    ]);
    expect(base(merged, ["x"])).toBe("x");
  });

  test("is never what waits for a person, but what that was built on", () => {
    const rows: Row[] = [
      ["a", []],
      ["b", ["a"]],
      ["x", ["a"], "pending_review"],
      ["y", ["x"], "pending_review"],
    ];
    expect(base(lineageOf(rows, ["y"]), ["y"])).toBe("a");
    // Settled, both have been weighed.
    expect(base(lineageOf(rows), ["y"])).toBe("y");
  });

  test("is looked for beneath the edits of the same push that are not stored", () => {
    const lineage = lineageOf([
      ["a", []],
      ["b", ["a"]],
    ]);
    expect(base(lineage, ["p2"], { p2: ["p1"], p1: ["a"] })).toBe("a");
  });

  test("is no ancestor of another candidate; of several that are not related, the one with the greater seq", () => {
    const chain = lineageOf([
      ["a", []],
      ["b", ["a"]],
      ["c", ["b"]],
    ]);
    expect(base(chain, ["b", "a"])).toBe("b");
    const forked = lineageOf([
      ["a", []],
      ["b", ["a"]],
      ["x", ["a"], "superseded"],
    ]);
    expect(base(forked, ["x", "b"])).toBe("x");
    expect(base(forked, ["b", "x"])).toBe("x");
  });

  test("is the latest of the ancestors that the head knows and that are no ancestors of another such one, in any lineage", () => {
    const names = Array.from({ length: 12 }, (_, index) => `v${index}`);
    const pick = (choice: readonly number[], below: number) => [...new Set(choice.map((n) => names[n % below] ?? ""))];
    const row = fc.record({
      parents: fc.array(fc.nat(50), { maxLength: 3 }),
      waits: fc.boolean(),
      stored: fc.boolean(),
    });
    const lineages = fc.tuple(fc.array(row, { minLength: 12, maxLength: 12 }), fc.array(fc.nat(50), { maxLength: 3 }));
    fc.assert(
      fc.property(lineages, ([rows, ends]) => {
        const all = rows.map(({ parents, waits, stored }, index) => ({
          name: names[index] ?? "",
          parents: index === 0 ? [] : pick(parents, index),
          waits,
          stored,
        }));
        const stored = all.filter((one) => one.stored);
        const lineage = lineageOf(
          stored.map(({ name, parents, waits }): Row => [name, parents, waits ? "pending_review" : "applied"]),
          stored.filter((one) => one.waits).map((one) => one.name),
        );
        const unstored = Object.fromEntries(all.filter((one) => !one.stored).map((one) => [one.name, one.parents]));
        const behind = (parents: readonly string[]) =>
          lineage.closure(parents.map(id), (version) => unstored[version]?.map(id));
        const change = pick(ends, names.length);
        const candidates = stored.filter(({ name }) => behind(change).has(id(name)) && lineage.isKnownToHead(id(name)));
        const best = candidates.filter(({ name }) => !candidates.some((other) => behind(other.parents).has(id(name))));
        expect(base(lineage, change, unstored)).toBe(best.at(-1)?.name);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is missing when the head knows nothing of what the change was built on", () => {
    expect(base(lineageOf([["a", []]]), ["elsewhere"])).toBeUndefined();
    expect(base(lineageOf([["a", []]]), [])).toBeUndefined();
  });
});

describe("what the head has behind it", () => {
  test("includes versions that were only named, never seen", () => {
    const lineage = lineageOf([
      ["a", []],
      ["c", ["b", "a"]],
    ]);
    expect(lineage.isNamedAncestor(id("b"))).toBe(true);
    expect(lineage.isKnownToHead(id("b"))).toBe(false);
    expect(lineage.isNamedAncestor(id("z"))).toBe(false);
  });

  test("does not include what only a waiting version names", () => {
    const rows: Row[] = [
      ["a", []],
      ["x", ["w"], "pending_review"],
    ];
    expect(lineageOf(rows, ["x"]).isNamedAncestor(id("w"))).toBe(false);
    expect(lineageOf(rows).isNamedAncestor(id("w"))).toBe(true);
  });

  test("goes around in circles without getting lost", () => {
    const lineage = lineageOf([
      ["a", ["b"]],
      ["b", ["a"]],
    ]);
    expect([...lineage.closure([id("a")])].sort()).toEqual(["a", "b"]);
    expect(base(lineage, ["a"])).toBe("a");
  });
});

describe("a restore", () => {
  const restored: Row[] = [
    ["a", []],
    ["d", ["a"], "applied", true],
    ["r", ["d"]],
  ];

  test("is unseen by whoever has seen only the deletion", () => {
    const lineage = lineageOf(restored);
    expect(lineage.wasRestoredUnseen(lineage.closure([id("d")]))).toBe(true);
    expect(lineage.wasRestoredUnseen(lineage.closure([id("r")]))).toBe(false);
  });

  test("brings back the newest accepted version that is no tombstone, and nothing that lost", () => {
    const rows: Row[] = [
      ["a", []],
      ["b", ["a"]],
      ["x", ["a"], "superseded"],
      ["d", ["b"], "applied", true],
    ];
    expect(lineageOf(rows).newestLive()).toBe("b");
    expect(lineageOf([["d", [], "applied", true]]).newestLive()).toBeUndefined();
  });
});
