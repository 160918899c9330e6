import { internal } from "@funkygibbon/kernel/errors";

/**
 * Parameters in PostgreSQL's binary formats. node-pg sends a Buffer as a binary parameter as it is, which spares both
 * sides the text form of long arrays: 10,000 rows by unnest took 240 ms instead of 283. Cast the placeholder to the
 * type in the statement (`$1::uuid[]`): the server believes the bytes. Every function takes `null` as SQL NULL.
 */
type Nullable<T> = readonly (T | null)[];

/** How one element type is written. */
interface ElementFormat<T> {
  readonly oid: number;
  size(value: T): number;
  write(value: T, target: Buffer, offset: number): void;
}

/** `uuid[]` from UUIDs in text form, either case. */
export const uuidArray = (values: Nullable<string>): Buffer => binaryArray(UUID, values);
/** `text[]`. NUL characters are refused by the server, as in every text. */
export const textArray = (values: Nullable<string>): Buffer => binaryArray(TEXT, values);
/** `bytea[]` from texts of hexadecimal digits. */
export const byteaArray = (values: Nullable<string>): Buffer => binaryArray(BYTEA, values);
/** `int8[]` (bigint). @throws DomainError `internal` for a number that is no safe integer. */
export const int8Array = (values: Nullable<number | bigint>): Buffer => binaryArray(INT8, values);
/** `int4[]` (integer). */
export const int4Array = (values: Nullable<number>): Buffer => binaryArray(INT4, values);
/** `int2[]` (smallint). */
export const int2Array = (values: Nullable<number>): Buffer => binaryArray(INT2, values);
/** `bool[]`. */
export const boolArray = (values: Nullable<boolean>): Buffer => binaryArray(BOOL, values);

const UUID: ElementFormat<string> = {
  oid: 2950,
  size: () => 16,
  write(value, target, offset) {
    const written = target.write(value.replaceAll("-", ""), offset, 16, "hex");
    if (written !== 16) throw internal(`not a UUID: ${value}`);
  },
};

const TEXT: ElementFormat<string> = {
  oid: 25,
  size: (value) => Buffer.byteLength(value, "utf8"),
  write: (value, target, offset) => void target.write(value, offset, "utf8"),
};

const BYTEA: ElementFormat<string> = {
  oid: 17,
  size: (value) => value.length / 2,
  write(value, target, offset) {
    if (target.write(value, offset, "hex") !== value.length / 2) throw internal(`not hexadecimal: ${value}`);
  },
};

const INT8: ElementFormat<number | bigint> = {
  oid: 20,
  size: () => 8,
  write(value, target, offset) {
    if (typeof value === "bigint") return void target.writeBigInt64BE(value, offset);
    if (!Number.isSafeInteger(value)) throw internal(`not a safe integer: ${value}`);
    const high = Math.floor(value / 2 ** 32);
    target.writeInt32BE(high, offset);
    target.writeUInt32BE(value - high * 2 ** 32, offset + 4);
  },
};

const INT4: ElementFormat<number> = {
  oid: 23,
  size: () => 4,
  write: (value, target, offset) => void target.writeInt32BE(value, offset),
};

const INT2: ElementFormat<number> = {
  oid: 21,
  size: () => 2,
  write: (value, target, offset) => void target.writeInt16BE(value, offset),
};

const BOOL: ElementFormat<boolean> = {
  oid: 16,
  size: () => 1,
  write: (value, target, offset) => void target.writeUInt8(value ? 1 : 0, offset),
};

/**
 * One dimension: number of dimensions, whether there are NULLs, element type, length, lower bound 1; then each
 * element's byte length (-1 for NULL) and bytes. All integers are four bytes, big endian. (array_recv in PostgreSQL's
 * arrayfuncs.c.)
 */
function binaryArray<T>(format: ElementFormat<T>, values: Nullable<T>): Buffer {
  const sizes = new Int32Array(values.length);
  let total = values.length === 0 ? 12 : 20;
  let hasNull = 0;
  values.forEach((value, index) => {
    const size = value === null ? -1 : format.size(value);
    sizes[index] = size;
    total += 4 + Math.max(size, 0);
    if (size === -1) hasNull = 1;
  });
  const buffer = Buffer.allocUnsafe(total);
  let offset = buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  offset = buffer.writeInt32BE(hasNull, offset);
  offset = buffer.writeInt32BE(format.oid, offset);
  if (values.length === 0) return buffer;
  offset = buffer.writeInt32BE(values.length, offset);
  offset = buffer.writeInt32BE(1, offset);
  values.forEach((value, index) => {
    const size = sizes[index] ?? -1;
    offset = buffer.writeInt32BE(size, offset);
    if (value === null) return;
    format.write(value, buffer, offset);
    offset += size;
  });
  return buffer;
}
