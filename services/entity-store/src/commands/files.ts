import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";

/** What is collected before it is written. */
const CHUNK_CHARACTERS = 256 * 1024;

/**
 * Writes a file that is there whole or not at all: beside its place, flushed to the disk, then renamed. Only its owner
 * may read it, for it holds what people keep at home.
 */
export async function writeWhole(path: string, chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
  const partial = `${path}.${randomBytes(4).toString("hex")}.partial`;
  const file = await open(partial, "wx", 0o600);
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.sync();
    await file.close();
    await rename(partial, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
    throw error;
  }
}

/** Writes to a stream that is not ours to end, as fast as it takes it. */
export async function writeTo(stream: Writable, chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
  for await (const chunk of chunks) {
    if (stream.write(chunk)) continue;
    await new Promise<void>((resolve, reject) => {
      stream.once("drain", resolve);
      finished(stream).catch(reject);
    });
  }
}

/** Short texts put together to chunks worth writing. */
export async function* inChunks(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = "";
  for await (const text of texts) {
    chunk += text;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield chunk;
    chunk = "";
  }
  if (chunk !== "") yield chunk;
}

/** The lines of a file, or of a stream, without their ends. Only a line feed ends one: texts may hold whatever else does elsewhere. */
export async function* linesIn(source: string | Readable): AsyncGenerator<string> {
  const input = typeof source === "string" ? createReadStream(source, "utf8") : source.setEncoding("utf8");
  let begun = "";
  for await (const chunk of input) {
    const lines = `${begun}${chunk}`.split("\n");
    begun = lines.pop() ?? "";
    yield* lines;
  }
  if (begun !== "") yield begun;
}
