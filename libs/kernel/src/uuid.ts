import type { Micros } from "./clock.ts";
import { must } from "./must.ts";

/** A UUIDv7 (RFC 9562, section 5.7) of a time. @param random 10 random bytes. */
export function uuidV7(nowUs: Micros, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.floor(nowUs / 1_000)) << 16n);
  bytes.set(random.subarray(0, 10), 6);
  return format(bytes, 7);
}

/** A UUIDv5 (RFC 9562, section 5.5): the same namespace and name always give the same id. @param sha1 SHA-1, 20 bytes. */
export function uuidV5(namespace: string, name: string, sha1: (bytes: Uint8Array) => Uint8Array): string {
  const space = Uint8Array.from(must(namespace.replaceAll("-", "").match(/../g), "a UUID has digits"), (pair) =>
    Number.parseInt(pair, 16),
  );
  const text = new TextEncoder().encode(name);
  const input = new Uint8Array(space.length + text.length);
  input.set(space);
  input.set(text, space.length);
  return format(sha1(input).slice(0, 16), 5);
}

function format(bytes: Uint8Array, version: number): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
