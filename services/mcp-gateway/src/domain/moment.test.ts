import { describe, expect, it } from "vitest";
import { parseMoment } from "./moment.ts";

const clock = { now: () => Date.UTC(2026, 10, 28, 12) * 1_000 };
const parse = (text: string) => parseMoment(text, { field: "since", clock }).toISOString();

describe("a time as a model writes it", () => {
  it.each([
    ["2026-11-28T09:30:00Z", "2026-11-28T09:30:00.000Z"],
    ["2026-11-28T09:30:00.25+01:00", "2026-11-28T08:30:00.250Z"],
    ["2026-11-28 09:30", "2026-11-28T09:30:00.000Z"],
    ["2026-11-28", "2026-11-28T00:00:00.000Z"],
    ["90m", "2026-11-28T10:30:00.000Z"],
    ["24h", "2026-11-27T12:00:00.000Z"],
    ["7 d", "2026-11-21T12:00:00.000Z"],
    [" 2w ", "2026-11-14T12:00:00.000Z"],
  ])("reads %s", (text, moment) => {
    expect(parse(text)).toBe(moment);
  });

  it.each(["yesterday", "", "7", "2026-13-01", "2026-11-28T25:00:00Z", "1e3d", "-2d"])("refuses %j", (text) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({
        reason: "INVALID_ARGUMENTS",
        arguments: [{ field: "since", problem: expect.stringContaining("24h") }],
      }),
    );
  });

  it("refuses the future and says what time it is", () => {
    expect(() => parse("2026-11-29")).toThrow(
      expect.objectContaining({
        arguments: [{ field: "since", problem: expect.stringContaining("now is 2026-11-28T12:00:00.000Z") }],
      }),
    );
  });
});
