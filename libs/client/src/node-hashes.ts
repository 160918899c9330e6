import { hash } from "node:crypto";

/** SHA-256 of Node. */
export function nodeSha256(text: string): string {
  return hash("sha256", text, "hex");
}

/** SHA-1 of Node, for name-based ids (RFC 9562); nothing rests on its strength. */
export function nodeSha1(bytes: Uint8Array): Uint8Array {
  return hash("sha1", bytes, "buffer");
}
