import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDeviceId } from "./ids.ts";
import { formatVersion, MAX_SEQUENCE, parseVersion } from "./version.ts";

const device = fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/).map((text) => parseDeviceId(text));

describe("a version string", () => {
  it("keeps device ids with hyphens whole", () => {
    expect(parseVersion("2026-11-22T09:41:02.581Z-ada-iphone-12-000417")).toEqual({
      id: "2026-11-22T09:41:02.581Z-ada-iphone-12-000417",
      claimedUs: Date.UTC(2026, 10, 22, 9, 41, 2, 581) * 1_000,
      device: "ada-iphone-12",
      sequence: 417,
    });
  });

  it.each([
    ["2026-11-22T09:41:02Z-a-001", 2_000_000],
    ["2026-11-22T09:41:02-a-001", 2_000_000],
    ["2026-11-22T09:41:02+00:00-a-001", 2_000_000],
    ["2026-11-22T09:41:02.5Z-a-001", 2_500_000],
    ["2026-11-22T09:41:02.500001-a-001", 2_500_001],
  ])("reads %s as UTC to the microsecond", (text, microsOfMinute) => {
    expect(parseVersion(text).claimedUs % 60_000_000).toBe(microsOfMinute);
  });

  it.each([
    ["0000-01-01T00:00:00Z-a-001", Number.MIN_SAFE_INTEGER],
    ["1684-07-28T00:00:00Z-a-001", Number.MIN_SAFE_INTEGER],
    ["2255-06-06T00:00:00Z-a-001", Number.MAX_SAFE_INTEGER],
    ["9999-12-31T23:59:59.999999Z-a-001", Number.MAX_SAFE_INTEGER],
  ])("takes the time of %s for the nearest one that numbers can hold, and keeps the string", (text, claimedUs) => {
    expect(parseVersion(text)).toMatchObject({ id: text, claimedUs });
  });

  it("orders sequences as numbers, not as text", () => {
    expect(parseVersion("2026-11-22T09:41:02Z-a-1000").sequence).toBeGreaterThan(
      parseVersion("2026-11-22T09:41:02Z-a-999").sequence,
    );
  });

  it("reads a device that looks like a date or a number", () => {
    expect(parseVersion("2026-11-22T09:41:02Z-2026-11-22T09:41:02Z-1-007")).toMatchObject({
      device: "2026-11-22T09:41:02Z-1",
      sequence: 7,
    });
  });

  it.each([
    "",
    "2026-11-22T09:41:02Z-a",
    "2026-11-22T09:41:02Z-a-1",
    "2026-11-22T09:41:02Z--",
    "2026-11-22T09:41:02Z-a b-001",
    "2026-13-22T09:41:02Z-a-001",
    "2026-02-30T09:41:02Z-a-001",
    "2026-11-22T24:41:02Z-a-001",
    "2026-11-22T09:41:02.1234567Z-a-001",
    "2026-11-22T09:41:02+01:00-a-001",
    "2026-11-22 09:41:02Z-a-001",
    "x2026-11-22T09:41:02Z-a-001",
    "2026-11-22T09:41:02Z-a-001\n",
    `2026-11-22T09:41:02Z-${"a".repeat(65)}-001`,
    "2026-11-22T09:41:02Z-a-1234567890123456",
    "٢٠٢٦-11-22T09:41:02Z-a-001",
  ])("refuses %j", (text) => {
    expect(() => parseVersion(text, "changes[0].version")).toThrow(
      expect.objectContaining({
        kind: "invalid",
        reason: "MALFORMED_VERSION",
        fields: [expect.objectContaining({ field: "changes[0].version" })],
      }),
    );
  });

  it("reads back whatever was written", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: Date.UTC(2200, 0) }),
        device,
        fc.integer({ min: 0, max: MAX_SEQUENCE }),
        (timeMs, id, sequence) => {
          const text = formatVersion(timeMs * 1_000, id, sequence);
          expect(parseVersion(text)).toEqual({ id: text, claimedUs: timeMs * 1_000, device: id, sequence });
        },
      ),
    );
  });
});
