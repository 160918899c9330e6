import {
  DomainError,
  type FieldViolation,
  failedPrecondition,
  invalid,
  permissionDenied,
} from "@funkygibbon/kernel/errors";
import { type Identity, mayWrite } from "@funkygibbon/kernel/identity";
import type { DeviceId, Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import { isReservedDevice, parseDeviceId } from "@funkygibbon/kernel/ids";
import { MAX_CHANGES_PER_PUSH, MAX_PUSH_BYTES, PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import type { PushedChange } from "./pushed-change.ts";

/** Where an edit, a cursor or a hello says that it belongs; empty text where it does not say. */
export interface Belonging {
  readonly household: string;
  readonly epoch: string;
}

/** @throws DomainError `invalid`, reason PROTOCOL_VERSION. */
export function requireProtocolVersion(version: string, field = "protocol_version"): void {
  if (version === PROTOCOL_VERSION) return;
  throw invalid([{ field, description: `must be ${PROTOCOL_VERSION}` }], "PROTOCOL_VERSION");
}

/**
 * The device of a session: the token's where it names one, else the one that the caller names.
 * @throws DomainError `invalid` for what no device may be called, `permission-denied` (DEVICE_MISMATCH) when the token
 * is another device's.
 */
export function requireDevice(text: string, identity: Identity, field = "device_id"): DeviceId {
  const device = parseDeviceId(text, field);
  if (isReservedDevice(device))
    throw invalid([{ field, description: "is reserved for the server" }], "RESERVED_DEVICE");
  if (identity.device !== undefined && identity.device !== device) {
    throw permissionDenied("the token belongs to another device", "DEVICE_MISMATCH");
  }
  return device;
}

/** @throws DomainError `permission-denied` (USER_MISMATCH) when a user is named who is not the token's. */
export function requireUser(text: string, identity: Identity): void {
  if (text === "" || text === identity.user) return;
  throw permissionDenied("the token belongs to another user", "USER_MISMATCH");
}

/** @throws DomainError `permission-denied` (READ_ONLY_ROLE) for a guest. */
export function requireWritingRole(identity: Identity): void {
  if (!mayWrite(identity.role)) throw permissionDenied("guests read only", "READ_ONLY_ROLE");
}

/** @throws DomainError `failed-precondition`, HOUSEHOLD_CHANGED, when another household is named. */
export function requireHousehold(named: string, household: HouseholdId): void {
  if (named === household || named === "") return;
  // The details name the caller's own household only: nobody learns whether the other one exists.
  throw failedPrecondition("HOUSEHOLD_CHANGED", "this belongs to another household", { household });
}

/** @throws DomainError `failed-precondition`, EPOCH_CHANGED, with the present epoch in its details. */
export function requireEpoch(named: string, epoch: Epoch): void {
  if (named.toLowerCase() === epoch || named === "") return;
  throw failedPrecondition("EPOCH_CHANGED", "the log has been renewed since; heal, then push", { epoch });
}

/** Edits and cursors must say where they belong; only a first contact, which has neither, may leave it open. */
export function requireBelonging(belonging: Belonging, prefix = ""): void {
  const missing: FieldViolation[] = [];
  if (belonging.household === "") missing.push({ field: `${prefix}household_id`, description: "is required" });
  if (belonging.epoch === "") missing.push({ field: `${prefix}epoch`, description: "is required" });
  if (missing.length > 0) throw invalid(missing);
}

/**
 * Checks what is wrong with a push as a whole; a fault inside one change is that change's own and the store's to find.
 * @throws DomainError `invalid`, reason TOO_MANY_CHANGES or PUSH_TOO_LARGE.
 */
export function requireBoundedPush(changes: readonly PushedChange[], field = "changes"): void {
  if (changes.length > MAX_CHANGES_PER_PUSH) {
    throw invalid([{ field, description: `must have at most ${MAX_CHANGES_PER_PUSH} changes` }], "TOO_MANY_CHANGES");
  }
  const bytes = changes.reduce((sum, change) => sum + bodyBytes(change), 0);
  if (bytes > MAX_PUSH_BYTES) {
    throw invalid([{ field, description: `must have at most ${MAX_PUSH_BYTES} bytes` }], "PUSH_TOO_LARGE");
  }
}

/** @throws DomainError `invalid` when a heal frame bears an ordinary change, or a push frame a heal. */
export function requireHealExactly(kind: "push" | "heal", changes: readonly PushedChange[]): void {
  const wrong = changes.findIndex((change) => (change.heal !== undefined) !== (kind === "heal"));
  if (wrong === -1) return;
  const description = kind === "heal" ? "is required in a heal" : "belongs into a heal frame";
  throw invalid([{ field: `changes[${wrong}].heal`, description }]);
}

/** Whether an error says where the device must start over, rather than that it did something wrong. */
export function isChangeOfGround(error: unknown): error is DomainError {
  return error instanceof DomainError && (error.reason === "EPOCH_CHANGED" || error.reason === "HOUSEHOLD_CHANGED");
}

function bodyBytes({ content }: PushedChange): number {
  switch (content.case) {
    case "entity":
      return Buffer.byteLength(content.value.bodyJson);
    case "relationship":
      return Buffer.byteLength(content.value.propertiesJson);
    case undefined:
      return 0;
  }
}
