import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pushSlices } from "./push-slices.ts";
import type { PushedChange } from "./pushed-change.ts";

const node = (recordId: string, sequence: number): PushedChange => ({
  recordId,
  version: `2026-11-28T00:00:00.000000Z-phone-${sequence}`,
  parentVersions: [],
  content: { case: "entity", value: { bodyJson: "{}" } },
});
const edge = (recordId: string, [fromId, toId]: [string, string], sequence: number): PushedChange => ({
  ...node(recordId, sequence),
  content: { case: "relationship", value: { fromId, toId, propertiesJson: "{}" } },
});
const cuts = (changes: readonly PushedChange[], atOnce: number) =>
  pushSlices(changes, atOnce).map(({ first, end }) => [first, end]);

describe("a push beside others", () => {
  it("is one slice when it is small", () => {
    expect(cuts([node("a", 1), node("b", 2)], 2)).toEqual([[0, 2]]);
  });

  it("is cut into slices that begin where the one before ends", () => {
    expect(cuts([node("a", 1), node("b", 2), node("c", 3), node("d", 4), node("e", 5)], 2)).toEqual([
      [0, 2],
      [2, 4],
      [4, 5],
    ]);
  });

  it("keeps the edits of a record together, however its id is written", () => {
    expect(cuts([node("a", 1), node("b", 2), node("A", 3), node("c", 4)], 1)).toEqual([
      [0, 3],
      [3, 4],
    ]);
  });

  it("keeps an edge with the end that is written after it, and not with one that is written before", () => {
    expect(cuts([node("a", 1), edge("e", ["a", "b"], 2), node("c", 3), node("b", 4), node("d", 5)], 1)).toEqual([
      [0, 1],
      [1, 4],
      [4, 5],
    ]);
  });

  it("is one slice when it heals, or comes in another order than the store would take it in", () => {
    expect(cuts([node("b", 2), node("a", 1), node("c", 3)], 1)).toEqual([[0, 3]]);
    expect(cuts([node("a", 1), { ...node("b", 2), heal: {} }], 1)).toEqual([[0, 2]]);
    expect(cuts([node("a", 1), { ...node("b", 2), version: "garbage" }], 1)).toEqual([[0, 2]]);
  });

  it("never parts what depends on each other, and loses nothing", () => {
    const id = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
    const change = fc.oneof(
      id.map((record) => (sequence: number) => node(record, sequence)),
      fc.tuple(id, id, id).map(
        ([record, from, to]) =>
          (sequence: number) =>
            edge(`e${record}`, [from, to], sequence),
      ),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 5 }), (made, atOnce) => {
        const changes = made.map((at, index) => at(index + 1));
        const slices = pushSlices(changes, atOnce);
        const parts = slices.map(({ first, end }) => changes.slice(first, end));
        expect(parts.flat()).toEqual(changes);
        const sliceOf = new Map(parts.flatMap((part, number) => part.map((one) => [one, number] as const)));
        for (const [index, one] of changes.entries()) {
          const later = changes.slice(index).filter(({ recordId }) => touches(one, recordId));
          for (const other of later) expect(sliceOf.get(other)).toBe(sliceOf.get(one));
        }
      }),
    );
  });
});

function touches({ recordId, content }: PushedChange, id: string): boolean {
  return (
    recordId === id || (content.case === "relationship" && (content.value.fromId === id || content.value.toId === id))
  );
}
