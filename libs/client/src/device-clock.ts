import { type Clock, MICROS_PER_MS, type Micros } from "@funkygibbon/kernel/clock";
import { formatVersion, type VersionId } from "@funkygibbon/kernel/version";
import type { ReplicaTransaction } from "./replica-transaction.ts";

/** A version that was given to an edit. */
export interface MintedVersion {
  readonly version: VersionId;
  readonly sequence: number;
  readonly claimedUs: Micros;
}

/**
 * Gives the next version of this device: a sequence that was never given before, and a claimed time that is never
 * below the last one, whatever was done to the machine's clock meanwhile (docs/protocol.md, section 2).
 */
export function mintVersion(tx: ReplicaTransaction, clock: Clock): MintedVersion {
  const nowUs = Math.floor(clock.now() / MICROS_PER_MS) * MICROS_PER_MS;
  return mintVersionAt(tx, Math.max(nowUs, tx.meta.lastClaimedUs));
}

/** As {@link mintVersion}, for an edit that was made before and keeps its time. */
export function mintVersionAt(tx: ReplicaTransaction, claimedUs: Micros): MintedVersion {
  const sequence = tx.meta.lastSequence + 1;
  tx.setMeta({ lastSequence: sequence, lastClaimedUs: Math.max(claimedUs, tx.meta.lastClaimedUs) });
  return { version: formatVersion(claimedUs, tx.meta.deviceId, sequence), sequence, claimedUs };
}
