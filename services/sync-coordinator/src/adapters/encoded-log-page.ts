import { create, toBinary } from "@bufbuild/protobuf";
import type { RecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ChangesFrameSchema,
  type OwnVersion,
  type PulledRecord,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Epoch } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { LogEntry, LogPage } from "../domain/log-page.ts";

/** What a version takes on the wire besides its body, roughly. */
const OVERHEAD_BYTES = 250;

/** Where a page is from. */
export interface PageOrigin {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition;
}

/** One page of the log; its records are serialised when the first session wants them, once, back to back. */
export class EncodedLogPage implements LogPage {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition;
  readonly snapshotSeq: number;
  readonly entries: readonly LogEntry[];
  readonly byteLength: number;
  /** What an own version needs: everything but the body. Made when the first session wants it. */
  #own: readonly OwnVersion[] | undefined;
  #records: { readonly versions: readonly RecordVersion[] } | EncodedRecords;

  constructor(origin: PageOrigin, versions: readonly RecordVersion[]) {
    this.epoch = origin.epoch;
    this.afterSeq = origin.afterSeq;
    this.throughSeq = origin.throughSeq;
    this.position = origin.position;
    this.snapshotSeq = origin.position.headSeq;
    this.entries = versions.map((version) => ({
      seq: Number(version.seq),
      deleted: version.deleted,
      device: version.deviceId,
      sequence: Number(version.sequence),
    }));
    this.byteLength = versions.reduce((sum, version) => sum + bodyLength(version) + OVERHEAD_BYTES, 0);
    this.#records = { versions };
  }

  wholeRecords(first: number, end: number): readonly Uint8Array[] {
    const { bytes, offsets } = this.#encoded();
    const offset = (index: number) => must(offsets[index], "there is an offset for each record and one for the end");
    return [bytes.subarray(offset(first), offset(end))];
  }

  ownRecords(first: number, end: number): readonly Uint8Array[] {
    return [
      encodeRecords(
        this.#ownVersions()
          .slice(first, end)
          .map((value) => ({ case: "own", value })),
      ),
    ];
  }

  #ownVersions(): readonly OwnVersion[] {
    this.#own ??= "versions" in this.#records ? this.#records.versions.map(ownVersion) : [];
    return this.#own;
  }

  #encoded(): EncodedRecords {
    if ("bytes" in this.#records) return this.#records;
    // Bodies are kept once, as bytes.
    this.#ownVersions();
    const bytes = encodeRecords(this.#records.versions.map((value) => ({ case: "version", value })));
    this.#records = { bytes, offsets: offsetsOf(bytes) };
    return this.#records;
  }
}

interface EncodedRecords {
  readonly bytes: Uint8Array;
  /** Where each record begins; one more than there are records. */
  readonly offsets: readonly number[];
}

/** Several pages that follow each other, as one. */
export class JoinedLogPage implements LogPage {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition;
  readonly snapshotSeq: number;
  readonly entries: readonly LogEntry[];
  readonly byteLength: number;
  readonly #pages: readonly { readonly page: LogPage; readonly first: number }[];

  /** @param pages at least one, each beginning at or before where the one before ends. */
  constructor(pages: readonly [LogPage, ...LogPage[]]) {
    const last = pages.at(-1) ?? pages[0];
    this.epoch = last.epoch;
    this.afterSeq = pages[0].afterSeq;
    this.throughSeq = last.throughSeq;
    this.position = last.position;
    this.snapshotSeq = Math.max(...pages.map(({ snapshotSeq }) => snapshotSeq));
    this.entries = pages.flatMap(({ entries }) => entries);
    this.byteLength = pages.reduce((sum, page) => sum + page.byteLength, 0);
    let first = 0;
    this.#pages = pages.map((page) => {
      const placed = { page, first };
      first += page.entries.length;
      return placed;
    });
  }

  wholeRecords(first: number, end: number): readonly Uint8Array[] {
    return this.#across(first, end, (page, from, to) => page.wholeRecords(from, to));
  }

  ownRecords(first: number, end: number): readonly Uint8Array[] {
    return this.#across(first, end, (page, from, to) => page.ownRecords(from, to));
  }

  #across(
    first: number,
    end: number,
    records: (page: LogPage, from: number, to: number) => readonly Uint8Array[],
  ): readonly Uint8Array[] {
    return this.#pages.flatMap(({ page, first: offset }) => {
      const from = Math.max(first - offset, 0);
      const to = Math.min(end - offset, page.entries.length);
      return from < to ? records(page, from, to) : [];
    });
  }
}

function ownVersion(version: RecordVersion): OwnVersion {
  return {
    $typeName: "inbetweenies.v1.OwnVersion",
    recordId: version.recordId,
    version: version.version,
    seq: version.seq,
    effectiveUs: version.effectiveUs,
    stamps: version.stamps,
    author: version.author,
  };
}

function bodyLength({ content }: RecordVersion): number {
  if (content.case === "entity") return content.value.bodyJson.length;
  return content.case === "relationship" ? content.value.propertiesJson.length : 0;
}

/** Field `records` of a ChangesFrame, which holds nothing else. */
function encodeRecords(records: readonly PulledRecord["record"][]): Uint8Array {
  const frame = create(ChangesFrameSchema, {
    records: records.map((record): PulledRecord => ({ $typeName: "inbetweenies.v1.PulledRecord", record })),
  });
  return toBinary(ChangesFrameSchema, frame);
}

/** Every record is a tag of one byte, the length of the rest as a varint, and the rest. */
function offsetsOf(bytes: Uint8Array): number[] {
  const offsets = [0];
  for (let position = 0; position < bytes.byteLength; ) {
    position += 1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[position] ?? 0;
      position += 1;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    position += length;
    offsets.push(position);
  }
  return offsets;
}
