import { hash } from "node:crypto";

/** SHA-256 as the kernel wants it passed in. */
export function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}
