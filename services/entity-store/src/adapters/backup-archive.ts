import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { failedPrecondition } from "@funkygibbon/kernel/errors";

/**
 * The archive of a backup (docs: operations). One gzip stream of frames, each a big-endian uint32 with its length and
 * then so many bytes of UTF-8: first the header as JSON, then the rows of each table in the header's order, as
 * PostgreSQL prints a row. Last, without a length, the SHA-256 of everything before it.
 */
export interface ArchiveHeader {
  readonly format: typeof ARCHIVE_FORMAT;
  readonly formatVersion: typeof ARCHIVE_VERSION;
  /** The number of the last migration. */
  readonly schemaVersion: number;
  /** ISO 8601. */
  readonly created: string;
  readonly tables: readonly ArchivedTable[];
}

/** A table of an archive. */
export interface ArchivedTable {
  readonly name: string;
  /** `name type`, in their order, which is that of the printed rows. */
  readonly columns: readonly string[];
  readonly rows: number;
}

export const ARCHIVE_FORMAT = "funkygibbon-backup";
export const ARCHIVE_VERSION = 1;

/** Some rows of a table. */
export interface ArchivedRows {
  readonly table: string;
  readonly rows: readonly string[];
}

const LENGTH_BYTES = 4;
const HASH_BYTES = 32;
/** Far above any row; a longer one is damage, and nothing to ask memory for. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const BATCH_BYTES = 1024 * 1024;

/** The bytes of an archive. @throws DomainError `failed-precondition` when the rows are not as many as the header says. */
export async function* writeArchive(header: ArchiveHeader, rows: AsyncIterable<ArchivedRows>): AsyncGenerator<Buffer> {
  const gzip = createGzip();
  const packed = pipeline(Readable.from(plainArchive(header, rows), { objectMode: false }), gzip);
  packed.catch(() => {}); // Reported by the iteration, which it ends.
  for await (const chunk of gzip) yield chunk as Buffer;
  await packed;
}

async function* plainArchive(header: ArchiveHeader, rows: AsyncIterable<ArchivedRows>): AsyncGenerator<Buffer> {
  const hash = createHash("sha256");
  const hashed = (bytes: Buffer) => {
    hash.update(bytes);
    return bytes;
  };
  yield hashed(frames([JSON.stringify(header)]));
  for await (const batch of rows) yield hashed(frames(batch.rows));
  yield hash.digest();
}

function frames(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const bytes = Buffer.from(text, "utf8");
      const length = Buffer.alloc(LENGTH_BYTES);
      length.writeUInt32BE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** An archive that was opened: its header is read, its rows are to come. */
export interface OpenArchive {
  readonly header: ArchiveHeader;
  /** Ends only when everything, up to the hash, was as it has to be. */
  readonly rows: AsyncIterable<ArchivedRows>;
}

/** Opens an archive. @throws DomainError `failed-precondition` with reason ARCHIVE_DAMAGED, here or while rows are read. */
export async function openArchive(path: string): Promise<OpenArchive> {
  const bytes = new HashedBytes(path);
  const header = headerOf(await bytes.frame());
  return { header, rows: rowsOf(bytes, header) };
}

/** Reads the whole archive and believes nothing before its end. Returns the header. @throws as {@link openArchive} */
export async function verifyArchive(path: string): Promise<ArchiveHeader> {
  const { header, rows } = await openArchive(path);
  for await (const _batch of rows);
  return header;
}

async function* rowsOf(bytes: HashedBytes, header: ArchiveHeader): AsyncGenerator<ArchivedRows> {
  for (const { name, rows: count } of header.tables) {
    let rows: string[] = [];
    let size = 0;
    for (let row = 0; row < count; row++) {
      const text = await bytes.frame();
      rows.push(text);
      size += text.length;
      if (size < BATCH_BYTES) continue;
      yield { table: name, rows };
      rows = [];
      size = 0;
    }
    if (rows.length > 0) yield { table: name, rows };
  }
  await bytes.end();
}

function headerOf(text: string): ArchiveHeader {
  const header = parseHeader(text);
  if (header?.format !== ARCHIVE_FORMAT || !Array.isArray(header.tables)) throw damaged("it has no header");
  if (header.formatVersion !== ARCHIVE_VERSION) throw damaged(`its format version is not ${ARCHIVE_VERSION}`);
  return header;
}

function parseHeader(text: string): ArchiveHeader | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The unpacked bytes of a file, hashed as they are taken. */
class HashedBytes {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #hash = createHash("sha256");
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    const gunzip = createGunzip();
    pipeline(createReadStream(path), gunzip).catch(() => {}); // Reported by the iteration, which it ends.
    this.#chunks = gunzip[Symbol.asyncIterator]();
  }

  async frame(): Promise<string> {
    const length = (await this.#take(LENGTH_BYTES)).readUInt32BE();
    if (length > MAX_FRAME_BYTES) throw damaged("a row is too long");
    return (await this.#take(length)).toString("utf8");
  }

  /** The hash, and nothing behind it. */
  async end(): Promise<void> {
    const expected = this.#hash.digest();
    await this.#fill(HASH_BYTES + 1);
    if (!this.#rest.equals(expected)) throw damaged("its SHA-256 is another one");
  }

  async #take(length: number): Promise<Buffer> {
    await this.#fill(length);
    if (this.#rest.length < length) throw damaged("it ends too early");
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#hash.update(taken);
    return taken;
  }

  async #fill(length: number): Promise<void> {
    if (this.#rest.length >= length) return;
    const parts = [this.#rest];
    for (let size = this.#rest.length; size < length; ) {
      const chunk = await this.#next();
      if (chunk === undefined) break;
      parts.push(chunk);
      size += chunk.length;
    }
    this.#rest = Buffer.concat(parts);
  }

  async #next(): Promise<Buffer | undefined> {
    try {
      const next = await this.#chunks.next();
      return next.done === true ? undefined : next.value;
    } catch (error) {
      throw damaged(error instanceof Error ? error.message : String(error));
    }
  }
}

function damaged(why: string) {
  return failedPrecondition("ARCHIVE_DAMAGED", `the archive cannot be used: ${why}`);
}
