import type { Sha256 } from "./content.ts";
import type { RecordId } from "./ids.ts";
import type { VersionId } from "./version.ts";

/**
 * What a graph sums up to: the sum modulo 2^64 of one term for each live head (docs/protocol.md, section 6). Two
 * replicas with the same live heads have the same digest. 0 to 2^64 - 1.
 */
export type Digest = bigint;

/** The term of one live head: the first eight bytes, big-endian, of SHA-256(record id, 0x1F, version). */
export function digestTerm(record: RecordId, version: VersionId, sha256: Sha256): Digest {
  return BigInt(`0x${sha256(`${record}\x1f${version}`).slice(0, 16)}`);
}

/** The digest with a term added. */
export function addToDigest(digest: Digest, term: Digest): Digest {
  return BigInt.asUintN(64, digest + term);
}

/** The digest with a term taken away. */
export function subtractFromDigest(digest: Digest, term: Digest): Digest {
  return BigInt.asUintN(64, digest - term);
}
