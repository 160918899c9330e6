import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDeviceId } from "./ids.ts";
import { compactStamps, compareStamps, compareUtf8, expandStamps, type Stamp } from "./stamp.ts";

const stamp = fc.record({
  effectiveUs: fc.integer({ min: 0, max: 3 }),
  device: fc.constantFrom("a", "B", "a-1").map((text) => parseDeviceId(text)),
  sequence: fc.integer({ min: 0, max: 3 }),
});
const own: Stamp = { effectiveUs: 9, device: parseDeviceId("own"), sequence: 1 };
const key = fc.constantFrom("name", "floor", "__proto__", "constructor", "☃", "@ends");

describe("the order of stamps", () => {
  it("is total, antisymmetric and transitive, so any two replicas agree", () => {
    fc.assert(
      fc.property(stamp, stamp, stamp, (a, b, c) => {
        expect(Math.sign(compareStamps(a, b)) + Math.sign(compareStamps(b, a))).toBe(0);
        if (compareStamps(a, b) === 0) expect(a).toEqual(b);
        if (compareStamps(a, b) <= 0 && compareStamps(b, c) <= 0) expect(compareStamps(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("compares text as UTF-8 bytes do", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
    );
  });
});

describe("compact stamps", () => {
  it("hold exactly what they were made from", () => {
    fc.assert(
      fc.property(fc.dictionary(key, fc.option(stamp, { nil: own })), fc.uniqueArray(key), (byKey, removed) => {
        const stamps = new Map(Object.entries(byKey));
        const present = new Set([...stamps.keys()].filter((name) => !removed.some((other) => other === name)));
        expect(expandStamps(compactStamps(stamps, present, own), present, own)).toEqual(stamps);
      }),
    );
  });

  it("are empty for a plain create", () => {
    const keys = new Set(["name", "floor"]);
    expect(compactStamps(expandStamps([], keys, own), keys, own)).toEqual([]);
  });

  it("name a removed key even when the edit itself removed it", () => {
    expect(compactStamps(new Map([["name", own]]), new Set(), own)).toEqual([{ stamp: own, keys: ["name"] }]);
  });
});
