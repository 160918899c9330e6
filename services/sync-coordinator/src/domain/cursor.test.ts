import { createHmac } from "node:crypto";
import { parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { CursorCodec } from "./cursor.ts";

const codec = new CursorCodec((bytes) => createHmac("sha256", "a secret of this test").update(bytes).digest());
const stranger = new CursorCodec((bytes) => createHmac("sha256", "another secret").update(bytes).digest());
const cursor = {
  household: parseHouseholdId("the-lovelaces"),
  epoch: parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21"),
  seq: 1_234_567,
  tombstonesAboveSeq: 0,
  snapshotSeq: 0,
};

describe("CursorCodec", () => {
  it("reads back every cursor that it wrote", () => {
    const seqs = fc.integer({ min: 0, max: 2 ** 47 });
    const household = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).map((text) => parseHouseholdId(text));
    fc.assert(
      fc.property(seqs, seqs, seqs, household, (seq, above, snapshot, house) => {
        const written = { ...cursor, household: house, seq, tombstonesAboveSeq: above, snapshotSeq: snapshot };
        const tombstonesAboveSeq = seq < above ? above : 0;
        const snapshotSeq = seq < snapshot ? snapshot : 0;
        expect(codec.decode(codec.encode(written))).toEqual({ ...written, tombstonesAboveSeq, snapshotSeq });
      }),
    );
  });

  it("authenticates a cursor that many sessions are sent at once only once", () => {
    const mac = vi.fn((bytes: Uint8Array) => createHmac("sha256", "a secret of this test").update(bytes).digest());
    const counting = new CursorCodec(mac);
    const next = { ...cursor, seq: cursor.seq + 1 };
    const texts = [cursor, cursor, { ...cursor, tombstonesAboveSeq: 7 }, next, cursor].map((at) => counting.encode(at));
    expect(texts).toEqual([cursor, cursor, cursor, next, cursor].map((at) => codec.encode(at)));
    expect(mac).toHaveBeenCalledTimes(3);
  });

  it("takes what another secret signed, what was changed, and what is no cursor at all for a pull from empty", () => {
    const text = codec.encode(cursor);
    expect(stranger.decode(text)).toBeUndefined();
    for (let index = 0; index < text.length - 1; index += 1) {
      const changed = `${text.slice(0, index)}${text[index] === "A" ? "B" : "A"}${text.slice(index + 1)}`;
      expect(codec.decode(changed), `character ${index}`).toBeUndefined();
    }
    for (const text of ["", "x", "🐒", "A".repeat(80), "A".repeat(100_000)]) expect(codec.decode(text)).toBeUndefined();
  });

  it("forgets where the pull from empty began once it has passed that seq", () => {
    expect(codec.decode(codec.encode({ ...cursor, seq: 10, tombstonesAboveSeq: 10 }))?.tombstonesAboveSeq).toBe(0);
    expect(codec.decode(codec.encode({ ...cursor, seq: 9, tombstonesAboveSeq: 10 }))?.tombstonesAboveSeq).toBe(10);
  });

  it("forgets the newest snapshot that it is from once it has passed that seq", () => {
    expect(codec.decode(codec.encode({ ...cursor, seq: 10, snapshotSeq: 10 }))?.snapshotSeq).toBe(0);
    expect(codec.decode(codec.encode({ ...cursor, seq: 9, snapshotSeq: 10 }))?.snapshotSeq).toBe(10);
  });
});
