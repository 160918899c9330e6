import { sha256 } from "@noble/hashes/sha2.js";

/** SHA-256 where the platform has no synchronous one: browsers. */
export function nobleSha256(bytes: Uint8Array): Uint8Array {
  return sha256(bytes);
}
