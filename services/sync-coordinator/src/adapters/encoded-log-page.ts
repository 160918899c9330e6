import { create, toBinary } from "@bufbuild/protobuf";
import { type RecordVersion, RecordVersionSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { type OwnVersion, OwnVersionSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Epoch } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { LogEntry, LogPage } from "../domain/log-page.ts";

/** Field `records` (2) of a ChangesFrame, length-delimited. */
const RECORDS_TAG = 0x12;
/** Field `version` (1) of a PulledRecord, length-delimited. */
const VERSION_TAG = 0x0a;
/** Field `own` (2) of a PulledRecord, length-delimited. */
const OWN_TAG = 0x12;

/** Where a page is from. */
export interface PageOrigin {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition | undefined;
}

/** One page of the log with its records serialised once, back to back. */
export class EncodedLogPage implements LogPage {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition | undefined;
  readonly entries: readonly LogEntry[];
  readonly #bytes: Uint8Array;
  /** Where each record begins; one more than there are records. */
  readonly #offsets: readonly number[];
  readonly #own: readonly OwnVersion[];

  constructor(origin: PageOrigin, versions: readonly RecordVersion[]) {
    this.epoch = origin.epoch;
    this.afterSeq = origin.afterSeq;
    this.throughSeq = origin.throughSeq;
    this.position = origin.position;
    this.entries = versions.map((version) => ({
      seq: Number(version.seq),
      deleted: version.deleted,
      device: version.deviceId,
      sequence: Number(version.sequence),
    }));
    const records = versions.map((version) => field(VERSION_TAG, toBinary(RecordVersionSchema, version)));
    const offsets = [0];
    for (const record of records) {
      offsets.push((offsets.at(-1) ?? 0) + 1 + varintLength(record.byteLength) + record.byteLength);
    }
    this.#offsets = offsets;
    this.#bytes = Buffer.concat(records.map((record) => field(RECORDS_TAG, record)));
    // Without the bodies: what an own version needs besides them is small.
    this.#own = versions.map(ownVersion);
  }

  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  wholeRecords(first: number, end: number): readonly Uint8Array[] {
    return [this.#bytes.subarray(this.#offset(first), this.#offset(end))];
  }

  ownRecord(index: number): Uint8Array {
    const own = must(this.#own[index], "an entry has what an own version needs");
    return field(RECORDS_TAG, field(OWN_TAG, toBinary(OwnVersionSchema, own)));
  }

  #offset(index: number): number {
    return must(this.#offsets[index], "there is an offset for each record and one for the end");
  }
}

/** Several pages that follow each other, as one. */
export class JoinedLogPage implements LogPage {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition | undefined;
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
    return this.#pages.flatMap(({ page, first: offset }) => {
      const from = Math.max(first - offset, 0);
      const to = Math.min(end - offset, page.entries.length);
      return from < to ? page.wholeRecords(from, to) : [];
    });
  }

  ownRecord(index: number): Uint8Array {
    const { page, first } = must(
      this.#pages.findLast((placed) => placed.first <= index),
      "every entry is in one of the pages",
    );
    return page.ownRecord(index - first);
  }
}

function ownVersion(version: RecordVersion): OwnVersion {
  return create(OwnVersionSchema, {
    recordId: version.recordId,
    version: version.version,
    seq: version.seq,
    effectiveUs: version.effectiveUs,
    stamps: version.stamps,
    author: version.author,
  });
}

function field(tag: number, content: Uint8Array): Uint8Array {
  const head = varintLength(content.byteLength) + 1;
  const bytes = Buffer.allocUnsafe(head + content.byteLength);
  bytes[0] = tag;
  let rest = content.byteLength;
  for (let index = 1; index < head; index += 1) {
    bytes[index] = index + 1 < head ? (rest & 0x7f) | 0x80 : rest;
    rest >>>= 7;
  }
  bytes.set(content, head);
  return bytes;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) length += 1;
  return length;
}
