import { describe, expect, it } from "vitest";
import { commitParts } from "./commit-parts.ts";

const sized = (...records: [recordId: string, size: number][]) =>
  records.map(([recordId, size]) => ({ recordId, size }));

describe("what is to be committed", () => {
  it("is one part as long as it fits into one", () => {
    expect(commitParts(sized(["a", 40], ["b", 20]), sized(["b", 20], ["a", 20]), 100)).toEqual([
      { changes: [0, 1], resolutions: [1, 0] },
    ]);
  });

  it("is cut between records, with each record's resolution beside its changes", () => {
    expect(commitParts(sized(["a", 40], ["b", 30], ["c", 20]), sized(["a", 20], ["b", 20], ["c", 20]), 100)).toEqual([
      { changes: [0], resolutions: [0] },
      { changes: [1, 2], resolutions: [1, 2] },
    ]);
  });

  it("keeps all edits of a record together and in order, however its id is written", () => {
    expect(commitParts(sized(["a", 60], ["b", 10], ["A", 60]), sized(["a", 10]), 100)).toEqual([
      { changes: [0, 2], resolutions: [0] },
      { changes: [1], resolutions: [] },
    ]);
  });

  it("is in the order of the push within a part", () => {
    expect(commitParts(sized(["a", 10], ["b", 10], ["a", 10]), [], 100)).toEqual([
      { changes: [0, 1, 2], resolutions: [] },
    ]);
  });
});
