import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId, Epoch, HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import type { VersionId } from "@funkygibbon/kernel/version";

/** A device as it is remembered. */
export interface DeviceRecord {
  readonly device: DeviceId;
  /** Undefined after it was forgotten, and before its first session. */
  readonly user: UserId | undefined;
  readonly highestSequence: number;
  readonly newestVersion: VersionId | undefined;
  readonly acknowledgedSeq: number;
  readonly acknowledgedEpoch: Epoch | undefined;
  readonly lastSeenUs: Micros;
  readonly clientVersion: string;
  readonly platform: string;
}

/** A device's wish to open a session. */
export interface SessionOpening {
  readonly household: HouseholdId;
  readonly device: DeviceId;
  readonly user: UserId;
  /** As presented; empty: none. */
  readonly sessionKey: Uint8Array;
  readonly rotateKey: boolean;
  readonly clientVersion: string;
  readonly platform: string;
}

/** An open session. */
export interface OpenedSession {
  /** Empty when none was asked for, and for a fork. */
  readonly sessionKey: Uint8Array;
  readonly forked: boolean;
  readonly device: DeviceRecord;
}

/** What the store remembers of devices. */
export interface DeviceRegistry {
  /** @throws DomainError `permission-denied`, reason DEVICE_OF_ANOTHER_USER. */
  openSession(opening: SessionOpening): Promise<OpenedSession>;
  /** Only forwards within an epoch; an epoch that is not the log's changes nothing. */
  acknowledge(ref: DeviceRef, acknowledgedSeq: number, epoch: Epoch): Promise<void>;
  list(household: HouseholdId): Promise<readonly DeviceRecord[]>;
  /** @throws DomainError `not-found`. */
  forget(ref: DeviceRef): Promise<void>;
}

/** A device of a household. */
export interface DeviceRef {
  readonly household: HouseholdId;
  readonly device: DeviceId;
}

/** The keys that a device may present: the last two that it was given, as hashes. */
export interface SessionKeys {
  readonly current: Uint8Array | undefined;
  readonly previous: Uint8Array | undefined;
}

/** What a presented key says of the device. */
export type KeyVerdict =
  | { readonly kind: "trusted"; readonly presented: Uint8Array | undefined }
  /** A clone, or a device restored from a backup: another one has gone on under its name. */
  | { readonly kind: "forked" };

/**
 * Judges a presented key by its hash (docs/protocol.md, section 10, clones). A device that presents none, or whose keys
 * are not known here, is trusted: unary clients have none, and after a restore nobody's key is known. What it presents then
 * is its key all the same: it may never see the next one.
 */
export function judgeSessionKey(
  presented: Uint8Array | undefined,
  keys: SessionKeys,
  equal: (a: Uint8Array, b: Uint8Array) => boolean,
): KeyVerdict {
  const known = [keys.current, keys.previous].filter((key) => key !== undefined);
  if (presented === undefined || known.length === 0) return { kind: "trusted", presented };
  return known.some((key) => equal(key, presented)) ? { kind: "trusted", presented } : { kind: "forked" };
}

/**
 * The keys after a new one was given. The previous one is the key that the device has just proven to hold: if it dies
 * before it stores the new one, however often, it can still come back.
 */
export function rotatedKeys(next: Uint8Array, presented: Uint8Array | undefined, keys: SessionKeys): SessionKeys {
  return { current: next, previous: presented ?? keys.current };
}
