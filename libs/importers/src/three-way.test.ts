import { nodeSha1 } from "@funkygibbon/client/node-hashes";
import { type JsonObject, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Fingerprints, fingerprint } from "./import-memory.ts";
import { compareSides } from "./three-way.ts";

const bodies = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom(1, 2, "x", null), {
  noNullPrototype: true,
});

function remember(said: JsonObject): Fingerprints {
  return Object.fromEntries(Object.entries(said).map(([key, value]) => [key, fingerprint(value, nodeSha1)]));
}

function taken(present: JsonObject, { take, drop }: ReturnType<typeof compareSides>): JsonObject {
  const kept = Object.entries(present).filter(([key]) => !drop.includes(key));
  return { ...Object.fromEntries(kept), ...take };
}

describe("an import that comes again", () => {
  it("sets what its source says anew, keeps what anybody has edited, and has nothing to do a second time", () => {
    fc.assert(
      fc.property(bodies, bodies, bodies, (last, wanted, present) => {
        const changes = compareSides({ wanted, present, remembered: remember(last) }, nodeSha1);
        const after = taken(present, changes);
        for (const key of ["a", "b", "c"]) {
          const [then, now, here] = [last, wanted, present].map((body) => jsonGet(body, key));
          const sourceChanged = !jsonEquals(then, now);
          const isEdited = !jsonEquals(then, here);
          const expected = sourceChanged && (now !== undefined || !isEdited) ? now : here;
          expect([key, jsonGet(after, key)]).toEqual([key, expected]);
        }
        const again = compareSides({ wanted, present: after, remembered: remember(wanted) }, nodeSha1);
        expect([again.take, again.drop]).toEqual([{}, []]);
      }),
    );
  });

  it("takes only what is not there when nothing is remembered", () => {
    const sides = { wanted: { a: 1, b: 2 }, present: { a: 9 }, remembered: undefined };
    expect(compareSides(sides, nodeSha1)).toEqual({ take: { b: 2 }, drop: [], kept: ["a"], over: [] });
  });
});
