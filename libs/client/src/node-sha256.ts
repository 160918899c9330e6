import { hash } from "node:crypto";

/** SHA-256 of Node. */
export function nodeSha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}
