import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { KeyStampsSchema, RecordVersionSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { EntityContentSchema, EntityType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import { ChangesFrameSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { parseEpoch } from "@funkygibbon/kernel/ids";
import { describe, expect, it } from "vitest";
import { EncodedLogPage, JoinedLogPage } from "./encoded-log-page.ts";

const epoch = parseEpoch("0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21");
const version = (seq: number, body = "{}") =>
  create(RecordVersionSchema, {
    recordId: `00000000-0000-7000-8000-${String(seq).padStart(12, "0")}`,
    version: `2026-11-22T09:41:02.581Z-phone-${String(seq).padStart(6, "0")}`,
    content: { case: "entity", value: create(EntityContentSchema, { type: EntityType.DEVICE, bodyJson: body }) },
    seq: BigInt(seq),
    deviceId: "phone",
    sequence: BigInt(seq),
    effectiveUs: 7n,
    author: "ada",
    stamps: [{ stamp: { effectiveUs: 3n, deviceId: "panel", sequence: 4n }, keys: ["name"] }],
  });
const origin = (afterSeq: number, throughSeq: number, headSeq = throughSeq) => ({
  epoch,
  afterSeq,
  throughSeq,
  position: { epoch, headSeq, digest: 0n, committedUs: 0 },
});
const versionsOf = (afterSeq: number, throughSeq: number, body?: string) =>
  Array.from({ length: throughSeq - afterSeq }, (_, index) => version(afterSeq + index + 1, body));
const ofMessages = (afterSeq: number, throughSeq: number, body?: string) =>
  EncodedLogPage.ofMessages(origin(afterSeq, throughSeq), versionsOf(afterSeq, throughSeq, body));
const ofBytes = (afterSeq: number, throughSeq: number, body?: string) => {
  const serialised = versionsOf(afterSeq, throughSeq, body).map((one) => toBinary(RecordVersionSchema, one));
  return EncodedLogPage.ofBytes(origin(afterSeq, throughSeq), serialised);
};
const decode = (...parts: Uint8Array[]) => fromBinary(ChangesFrameSchema, Buffer.concat(parts)).records;
const seqs = (...parts: Uint8Array[]) => decode(...parts).map(({ record }) => Number(record.value?.seq));

describe.each([
  { form: "messages", page: ofMessages },
  { form: "serialised versions", page: ofBytes },
])("EncodedLogPage of $form", ({ page }) => {
  it("tells of each version what a session looks at", () => {
    const tombstone = { ...version(2), deleted: true, sequence: 999_999_999_999_999n };
    const two = [version(1), tombstone];
    const made =
      page === ofMessages
        ? EncodedLogPage.ofMessages(origin(0, 2), two)
        : EncodedLogPage.ofBytes(
            origin(0, 2),
            two.map((one) => toBinary(RecordVersionSchema, one)),
          );
    expect(made.entries).toEqual([
      { seq: 1, deleted: false, device: "phone", sequence: 1 },
      { seq: 2, deleted: true, device: "phone", sequence: 999_999_999_999_999 },
    ]);
  });

  it("is as large as its stamps, too, which may be many times as large as its bodies", () => {
    const keys = Array.from({ length: 1_000 }, (_, n) => `key ${n}`);
    const stamps = keys.map((key, n) =>
      create(KeyStampsSchema, { stamp: { effectiveUs: 3n, deviceId: "panel", sequence: BigInt(n) }, keys: [key] }),
    );
    const stamped = { ...version(1), stamps };
    const bytes = toBinary(RecordVersionSchema, stamped);
    const made =
      page === ofMessages
        ? EncodedLogPage.ofMessages(origin(0, 1), [stamped])
        : EncodedLogPage.ofBytes(origin(0, 1), [bytes]);
    expect(made.byteLength).toBeGreaterThanOrEqual(bytes.byteLength);
  });

  it("gives any run of its records as a frame's field, whatever their size", () => {
    for (const body of ["{}", "x".repeat(200), "x".repeat(70_000)]) {
      const three = page(0, 3, body);
      expect(seqs(...three.wholeRecords(0, 3))).toEqual([1, 2, 3]);
      expect(seqs(...three.wholeRecords(1, 2))).toEqual([2]);
      expect(three.byteLength).toBeGreaterThan(3 * body.length);
      expect(decode(...three.wholeRecords(2, 3))[0]?.record).toEqual({ case: "version", value: version(3, body) });
    }
  });

  it("gives an own version without its body, but with what a heal needs", () => {
    const three = page(0, 3);
    const [before] = decode(...three.ownRecords(1, 2));
    three.wholeRecords(0, 3);
    const [record] = decode(...three.ownRecords(1, 2));
    expect(record).toEqual(before);
    expect(record?.record).toMatchObject({
      case: "own",
      value: {
        recordId: version(2).recordId,
        version: version(2).version,
        seq: 2n,
        effectiveUs: 7n,
        author: "ada",
        stamps: version(2).stamps,
      },
    });
  });
});

describe("JoinedLogPage", () => {
  it("stands where its last part stands, and is as new as the newest of them", () => {
    const joined = new JoinedLogPage([EncodedLogPage.ofMessages(origin(0, 2, 9), versionsOf(0, 2)), ofBytes(2, 3)]);
    expect({ head: joined.position.headSeq, snapshot: joined.snapshotSeq }).toEqual({ head: 3, snapshot: 9 });
  });

  it("reads as one page, across the borders of its parts", () => {
    const joined = new JoinedLogPage([ofBytes(0, 2), ofMessages(2, 3), ofBytes(3, 6)]);
    expect({ afterSeq: joined.afterSeq, throughSeq: joined.throughSeq }).toEqual({ afterSeq: 0, throughSeq: 6 });
    expect(joined.entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    for (let first = 0; first < 6; first += 1) {
      for (let end = first; end <= 6; end += 1) {
        const expected = Array.from({ length: end - first }, (_, index) => first + index + 1);
        expect(seqs(...joined.wholeRecords(first, end))).toEqual(expected);
        expect(seqs(...joined.ownRecords(first, end))).toEqual(expected);
      }
    }
  });
});
