import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isReservedDevice, parseDeviceId, parseHouseholdId, parseRecordId } from "./ids.ts";
import { uuidV5, uuidV7 } from "./uuid.ts";

describe("ids", () => {
  it("of devices are reserved for the server in any case and in dotted forms", () => {
    const reserved = ["server", "API", "mcp.1a2b", "Merge.x"].map((text) => isReservedDevice(parseDeviceId(text)));
    expect(reserved).toEqual([true, true, true, true]);
    expect(isReservedDevice(parseDeviceId("server-room-panel"))).toBe(false);
  });

  it("of records are UUIDs in either case, kept in lower case", () => {
    expect(parseRecordId("0192F3B0-7C4E-7A10-8F2D-1C5A9B7E4D21")).toBe("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
  });

  it.each(["", "kitchen", "0192f3b07c4e7a108f2d1c5a9b7e4d21", "0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21 "])(
    "of records refuse %j",
    (text) => {
      expect(() => parseRecordId(text)).toThrow(expect.objectContaining({ kind: "invalid" }));
    },
  );

  it.each(["", "a b", "a/b", "ä", "x".repeat(65)])("of households refuse %j", (text) => {
    expect(() => parseHouseholdId(text)).toThrow(expect.objectContaining({ kind: "invalid" }));
  });
});

describe("UUIDs", () => {
  it("of version 5 match RFC 9562's example", () => {
    const sha1 = (bytes: Uint8Array) => createHash("sha1").update(bytes).digest();
    expect(uuidV5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com", sha1)).toBe(
      "2ed6657d-e927-568b-95e1-2665a8aea6a2",
    );
  });

  it("of version 7 carry the time first, as in RFC 9562's example", () => {
    expect(uuidV7(1_645_557_742_000_000, new Uint8Array(10).fill(0xff))).toBe("017f22e2-79b0-7fff-bfff-ffffffffffff");
  });
});
