import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";

/** SHA-256 where the platform has no synchronous one: browsers. */
export function nobleSha256(text: string): string {
  return bytesToHex(sha256(utf8ToBytes(text)));
}

/** SHA-1 where the platform has no synchronous one, for name-based ids (RFC 9562); nothing rests on its strength. */
export function nobleSha1(bytes: Uint8Array): Uint8Array {
  return sha1(bytes);
}
