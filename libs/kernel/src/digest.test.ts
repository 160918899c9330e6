import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addToDigest, digestTerm, subtractFromDigest } from "./digest.ts";
import { parseRecordId } from "./ids.ts";
import { parseVersion } from "./version.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("the digest", () => {
  it("is the first eight bytes of SHA-256(record id, 0x1F, version)", () => {
    const record = parseRecordId("0192F3B0-7C4E-7A10-8F2D-1C5A9B7E4D21");
    const version = parseVersion("2026-11-22T09:41:02.581Z-ada-000417").id;
    const hash = createHash("sha256").update(`0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21\x1f${version}`).digest("hex");
    expect(digestTerm(record, version, sha256).toString(16).padStart(16, "0")).toBe(hash.slice(0, 16));
  });

  it("adds and subtracts modulo 2^64 in any order", () => {
    const term = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(fc.array(term), term, (terms, other) => {
        const sum = terms.reduce(addToDigest, 0n);
        expect(terms.toReversed().reduce(addToDigest, 0n)).toBe(sum);
        expect(subtractFromDigest(addToDigest(sum, other), other)).toBe(sum);
        expect(sum).toBeLessThan(2n ** 64n);
      }),
    );
  });
});
