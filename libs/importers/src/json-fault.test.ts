import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findJsonFault } from "./json-fault.ts";
import { readJson } from "./json-place.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("the place where a text ceases to be JSON", () => {
  it.each([
    ["", 1, 1],
    ["nonsense", 1, 1],
    ['{"a":1,\n"b":x}', 2, 5],
    ['{"a":1,\n"b":', 2, 5],
    ['{"a":1\n"b":2}', 2, 1],
    ["[1,\n2,]", 2, 3],
    ["{\n a:1}", 2, 2],
    ['["abc\n"]', 1, 2],
    ["[1}", 1, 3],
    ["{]", 1, 2],
    ["[01]", 1, 3],
    ["1 2", 1, 3],
  ])("is found in %j", (text, line, column) => {
    expect(findJsonFault(text)).toEqual({ line, column });
  });

  it("is found where JSON.parse finds fault, and nowhere else", () => {
    const spoilt = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom("", ",", "]", "}", '"', ":", "0", "\n", "\\"), fc.nat(2))
      .map(([text, at, inserted, removed]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + inserted + text.slice(place + removed);
      });
    fc.assert(
      fc.property(fc.oneof(fc.json(), spoilt), (text) => {
        expect(findJsonFault(text) === undefined).toBe(isJson(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it("is told with the name of the file", () => {
    expect(() => readJson({ name: "dump.json", text: '[\n  {"aid": 1,\n  }\n]' })).toThrow(
      expect.objectContaining({
        message: "dump.json: line 3, column 3 is no longer JSON",
        fields: [{ field: "line 3, column 3", description: "is no longer JSON" }],
      }),
    );
  });
});
