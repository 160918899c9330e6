import { describe, expect, test } from "vitest";
import { boolArray, int2Array, int8Array, textArray, uuidArray } from "./binary-array.ts";

describe("binary arrays", () => {
  test("an empty array has no dimension", () => {
    expect(textArray([]).toString("hex")).toBe("000000000000000000000019");
  });

  test("elements follow a header of dimension, NULL flag, element type, length and lower bound", () => {
    expect(int2Array([1, null, -2]).toString("hex")).toBe(
      [
        "00000001",
        "00000001",
        "00000015",
        "00000003",
        "00000001",
        "00000002",
        "0001",
        "ffffffff",
        "00000002",
        "fffe",
      ].join(""),
    );
  });

  test("a number that is no safe integer is refused instead of being rounded", () => {
    expect(() => int8Array([2 ** 53])).toThrow("not a safe integer");
    expect(() => int8Array([0.5])).toThrow("not a safe integer");
  });

  test("what is no UUID is refused", () => {
    expect(() => uuidArray(["not-a-uuid"])).toThrow("not a UUID");
    expect(() => uuidArray(["0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d2g"])).toThrow("not a UUID");
  });

  test("the length of a text is counted in bytes", () => {
    expect(textArray(["Küche"]).readInt32BE(20)).toBe(6);
  });

  test("whole numbers are written in two halves, negative ones in two's complement", () => {
    const numbers = [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 32 - 1, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1];
    const bytes = int8Array(numbers);
    expect(numbers.map((_, index) => bytes.readBigInt64BE(20 + 12 * index + 4))).toEqual(numbers.map(BigInt));
    expect(int8Array([-(2n ** 63n)]).readBigInt64BE(24)).toBe(-(2n ** 63n));
  });

  test("truth is one byte", () => {
    expect(boolArray([true, false]).subarray(20).toString("hex")).toBe("000000010100000001" + "00");
  });
});
