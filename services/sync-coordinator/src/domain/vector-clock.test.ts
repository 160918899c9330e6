import { parseEpoch } from "@funkygibbon/kernel/ids";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareClocks, compareWithOurs, parseVectorClock, serverEntry } from "./vector-clock.ts";

const at = (device: string, sequence: number, time = "2026-11-22T09:41:02.581Z") =>
  `${time}-${device}-${String(sequence).padStart(3, "0")}`;
const clock = (entries: Record<string, number>) =>
  parseVectorClock(Object.fromEntries(Object.entries(entries).map(([device, seq]) => [device, at(device, seq)])));

describe("compareClocks", () => {
  it("orders by sequence, as numbers, whatever the wall clocks said", () => {
    const early = parseVectorClock({ "ada-iphone-12": at("ada-iphone-12", 999, "2099-01-01T00:00:00Z") });
    const late = parseVectorClock({ "ada-iphone-12": at("ada-iphone-12", 1000, "2026-01-01T00:00:00Z") });
    expect(compareClocks(early, late)).toBe("before");
    expect(compareClocks(late, early)).toBe("after");
  });

  it("is equal to itself and never before itself", () => {
    expect(compareClocks(clock({ a: 1, b: 2 }), clock({ b: 2, a: 1 }))).toBe("equal");
    expect(compareClocks(clock({}), clock({}))).toBe("equal");
  });

  it("sees concurrency when each side knows something that the other lacks", () => {
    expect(compareClocks(clock({ a: 2, b: 1 }), clock({ a: 1, b: 2 }))).toBe("concurrent");
    expect(compareClocks(clock({ a: 1 }), clock({ b: 1 }))).toBe("concurrent");
    expect(compareClocks(clock({ a: 1 }), clock({ a: 1, b: 0 }))).toBe("before");
  });

  it("is antisymmetric", () => {
    const anyClock = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 5 }));
    const mirror = {
      before: "after",
      after: "before",
      equal: "equal",
      concurrent: "concurrent",
      "too-long": "",
    } as const;
    fc.assert(
      fc.property(anyClock, anyClock, (left, right) => {
        expect(compareClocks(clock(right), clock(left))).toBe(mirror[compareClocks(clock(left), clock(right))]);
      }),
    );
  });

  it("takes the logs of two epochs for concurrent, however long they are", () => {
    const log = (epoch: string, headSeq: number) =>
      parseVectorClock({
        server: serverEntry({ epoch: parseEpoch(epoch), headSeq, committedUs: 1_795_340_462_581_000 }),
      });
    const before = log("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21", 500);
    const after = log("0192f3b0-7c4e-7a10-8f2d-1c5affffffff", 3);
    expect(compareClocks(before, after)).toBe("concurrent");
  });
});

describe("parseVectorClock", () => {
  it("refuses malformed versions instead of calling them equal", () => {
    expect(() => parseVectorClock({ a: "yesterday" })).toThrow('vector_clock["a"]');
    expect(() => parseVectorClock({ "no device!": at("a", 1) })).toThrow("vector_clock");
  });

  it("refuses a version under another device's name", () => {
    expect(() => parseVectorClock({ a: at("b", 1) })).toThrow("that very device");
  });

  it("is not looked at when it is very long, be it the device's or ours", () => {
    const crowd = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`d${index}`, at(`d${index}`, 1)]));
    expect(parseVectorClock(crowd)).toBeUndefined();
    expect(compareWithOurs(parseVectorClock(crowd), { a: at("a", 1) })).toBe("too-long");
    expect(compareWithOurs(clock({ a: 1 }), crowd)).toBe("too-long");
  });
});

it("writes the log's entry with its commit time, short epoch and head seq", () => {
  const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
  expect(serverEntry({ epoch, headSeq: 42, committedUs: Date.UTC(2026, 10, 22, 9, 41, 2, 581) * 1_000 })).toBe(
    "2026-11-22T09:41:02.581Z-server.9b7e4d21-000042",
  );
});
