import type { Sha256 } from "@funkygibbon/kernel/content";
import { addToDigest, type Digest, digestTerm } from "@funkygibbon/kernel/digest";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";

/** A live head with the term that it is said to have in the digest. */
export type TermedHead = readonly [record: RecordId, version: VersionId, term: Digest];

/** Some milliseconds' worth. */
const HEADS_AT_ONCE = 1_000;

/**
 * The digest of live heads, and the records whose term is not that of their version. A large home has hundreds of
 * thousands. @param othersTurn lets whatever else waits run.
 */
export async function checkTerms(
  heads: readonly TermedHead[],
  { sha256, othersTurn }: { readonly sha256: Sha256; readonly othersTurn: () => Promise<void> },
): Promise<{ readonly digest: Digest; readonly wrong: readonly RecordId[] }> {
  let digest: Digest = 0n;
  const wrong: RecordId[] = [];
  for (const [index, [record, version, said]] of heads.entries()) {
    if (index % HEADS_AT_ONCE === HEADS_AT_ONCE - 1) await othersTurn();
    const term = digestTerm(record, version, sha256);
    digest = addToDigest(digest, term);
    if (term !== said) wrong.push(record);
  }
  return { digest, wrong };
}
