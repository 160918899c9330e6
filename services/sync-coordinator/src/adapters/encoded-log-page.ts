import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type RecordVersion, RecordVersionSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ChangesFrameSchema,
  OwnVersionSchema,
  type PulledRecord,
  PulledRecordSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Epoch } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { LogEntry, LogPage } from "../domain/log-page.ts";

/** What a version takes on the wire besides its body and stamps, roughly. */
const OVERHEAD_BYTES = 250;
/** A stamp apart from its keys, and a key apart from its text. */
const STAMP_BYTES = 40;
const KEY_BYTES = 2;

/** Those of one page are all in the same form. */
type Versions = readonly RecordVersion[] | readonly Uint8Array[];

/** Where a page is from. */
export interface PageOrigin {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition;
}

/**
 * One page of the log. Its versions come as messages, or serialised as the log sends them, and are turned into the other
 * only when a session wants that, once for all: whole records are the serialised ones back to back, an own version is
 * what it has of their fields.
 */
export class EncodedLogPage implements LogPage {
  readonly epoch: Epoch;
  readonly afterSeq: number;
  readonly throughSeq: number;
  readonly position: LogPosition;
  readonly snapshotSeq: number;
  readonly entries: readonly LogEntry[];
  readonly byteLength: number;
  #versions: Versions;
  #records: JoinedRecords | undefined;

  private constructor(
    origin: PageOrigin,
    page: { entries: readonly LogEntry[]; byteLength: number; versions: Versions },
  ) {
    this.epoch = origin.epoch;
    this.afterSeq = origin.afterSeq;
    this.throughSeq = origin.throughSeq;
    this.position = origin.position;
    this.snapshotSeq = origin.position.headSeq;
    this.entries = page.entries;
    this.byteLength = page.byteLength;
    this.#versions = page.versions;
  }

  static ofMessages(origin: PageOrigin, versions: readonly RecordVersion[]): EncodedLogPage {
    const entries = versions.map((version) => ({
      seq: Number(version.seq),
      deleted: version.deleted,
      device: version.deviceId,
      sequence: Number(version.sequence),
    }));
    const byteLength = versions.reduce((sum, version) => sum + sizeOf(version), 0);
    return new EncodedLogPage(origin, { entries, byteLength, versions });
  }

  /** @param versions each a serialised RecordVersion. */
  static ofBytes(origin: PageOrigin, versions: readonly Uint8Array[]): EncodedLogPage {
    const byteLength = versions.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return new EncodedLogPage(origin, { entries: versions.map(entryOf), byteLength, versions });
  }

  wholeRecords(first: number, end: number): readonly Uint8Array[] {
    const { bytes, offsets } = this.#joined();
    const offset = (index: number) => must(offsets[index], "there is an offset for each record and one for the end");
    return [bytes.subarray(offset(first), offset(end))];
  }

  ownRecords(first: number, end: number): readonly Uint8Array[] {
    const versions: Versions = this.#versions.slice(first, end);
    return [areSerialised(versions) ? ownOfSerialised(versions) : ownOfMessages(versions)];
  }

  #joined(): JoinedRecords {
    if (this.#records !== undefined) return this.#records;
    const versions = this.#versions;
    this.#records = joinRecords(
      areSerialised(versions) ? versions : versions.map((version) => toBinary(RecordVersionSchema, version)),
    );
    // Bodies are kept once.
    this.#versions = this.#records.versions;
    return this.#records;
  }
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

function areSerialised(versions: Versions): versions is readonly Uint8Array[] {
  return versions[0] instanceof Uint8Array;
}

function ownOfMessages(versions: readonly RecordVersion[]): Uint8Array {
  const records = versions.map(({ recordId, version, seq, effectiveUs, stamps, author }): PulledRecord => {
    const own = { $typeName: OwnVersionSchema.typeName, recordId, version, seq, effectiveUs, stamps, author };
    return { $typeName: PulledRecordSchema.typeName, record: { case: "own", value: own } };
  });
  return toBinary(ChangesFrameSchema, create(ChangesFrameSchema, { records }));
}

/** The same of serialised versions, field by field: bodies are passed over, and nothing is taken apart. */
function ownOfSerialised(versions: readonly Uint8Array[]): Uint8Array {
  const frame = new BinaryWriter();
  for (const version of versions) {
    const reader = new BinaryReader(version);
    frame.uint32(RECORDS_TAG).fork().uint32(OWN_TAG).fork();
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      const value = reader.skip(wireType, field);
      const ownField = OWN_FIELDS.get(field);
      if (ownField !== undefined) frame.tag(ownField, wireType).raw(value);
    }
    frame.join().join();
  }
  return frame.finish();
}

/** About how large a version is on the wire. */
function sizeOf(version: RecordVersion): number {
  let size = bodyLength(version) + OVERHEAD_BYTES;
  for (const { keys } of version.stamps) {
    size += STAMP_BYTES;
    for (const key of keys) size += KEY_BYTES + key.length;
  }
  return size;
}

function bodyLength({ content }: RecordVersion): number {
  if (content.case === "entity") return content.value.bodyJson.length;
  return content.case === "relationship" ? content.value.propertiesJson.length : 0;
}

/** What a session looks at of a serialised version; the rest is passed over. */
function entryOf(bytes: Uint8Array): LogEntry {
  const reader = new BinaryReader(bytes);
  let [seq, sequence, deleted, device] = [0, 0, false, ""];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === VERSION.seq.number) seq = Number(reader.int64());
    else if (field === VERSION.sequence.number) sequence = Number(reader.int64());
    else if (field === VERSION.deleted.number) deleted = reader.bool();
    else if (field === VERSION.deviceId.number) device = reader.string();
    else reader.skip(wireType, field);
  }
  return { seq, deleted, device, sequence };
}

const VERSION = RecordVersionSchema.field;
const RECORDS_TAG = lengthDelimited(ChangesFrameSchema.field.records.number);
const VERSION_TAG = lengthDelimited(PulledRecordSchema.field.version.number);
const OWN_TAG = lengthDelimited(PulledRecordSchema.field.own.number);
/** Fields of a RecordVersion that an OwnVersion has too, with their numbers there. */
const OWN_FIELDS = new Map([
  [VERSION.recordId.number, OwnVersionSchema.field.recordId.number],
  [VERSION.version.number, OwnVersionSchema.field.version.number],
  [VERSION.seq.number, OwnVersionSchema.field.seq.number],
  [VERSION.effectiveUs.number, OwnVersionSchema.field.effectiveUs.number],
  [VERSION.stamps.number, OwnVersionSchema.field.stamps.number],
  [VERSION.author.number, OwnVersionSchema.field.author.number],
]);

/** The tag of a length-delimited field, which is one byte as long as the field's number is below 16. */
function lengthDelimited(fieldNumber: number): number {
  return (fieldNumber << 3) | WireType.LengthDelimited;
}

interface JoinedRecords {
  readonly bytes: Uint8Array;
  /** Where each record begins; one more than there are records. */
  readonly offsets: readonly number[];
  /** The serialised versions within `bytes`. */
  readonly versions: readonly Uint8Array[];
}

/** Serialised versions as field `records` of a ChangesFrame, which holds nothing else. */
function joinRecords(serialised: readonly Uint8Array[]): JoinedRecords {
  const sizes = serialised.map(({ byteLength }) => 1 + varintLength(byteLength) + byteLength);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + 1 + varintLength(size) + size, 0));
  const offsets: number[] = [];
  const versions: Uint8Array[] = [];
  let at = 0;
  for (const [index, version] of serialised.entries()) {
    offsets.push(at);
    bytes[at] = RECORDS_TAG;
    at = writeVarint(bytes, at + 1, must(sizes[index], "every version has its size"));
    bytes[at] = VERSION_TAG;
    at = writeVarint(bytes, at + 1, version.byteLength);
    bytes.set(version, at);
    versions.push(bytes.subarray(at, at + version.byteLength));
    at += version.byteLength;
  }
  offsets.push(at);
  return { bytes, offsets, versions };
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) length += 1;
  return length;
}

/** Returns where it ends. */
function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let [end, rest] = [at, value];
  for (; rest > 0x7f; rest >>>= 7) bytes[end++] = (rest & 0x7f) | 0x80;
  bytes[end] = rest;
  return end + 1;
}
