import { invalid } from "./errors.ts";

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** The people who share one home graph: the unit of isolation. `[A-Za-z0-9_-]{1,64}`. */
export type HouseholdId = Branded<string, "HouseholdId">;
/** A person, as the token issuer names them (`sub`): 1 to 128 printable ASCII characters. */
export type UserId = Branded<string, "UserId">;
/** One client installation. `[A-Za-z0-9._:-]{1,64}`. */
export type DeviceId = Branded<string, "DeviceId">;
/** An entity or relationship: a UUID in lower case (RFC 9562). */
export type RecordId = Branded<string, "RecordId">;
/** A household's log, renewed after a restore: a UUIDv7 in lower case. */
export type Epoch = Branded<string, "Epoch">;

const HOUSEHOLD = /^[A-Za-z0-9_-]{1,64}$/;
const USER = /^[\x21-\x7e]{1,128}$/;
const DEVICE = /^[A-Za-z0-9._:-]{1,64}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const RESERVED_DEVICE = /^(server|api|mcp|merge)(\.|$)/i;

/** @throws DomainError `invalid` naming `field` when `text` is not a household id. */
export function parseHouseholdId(text: string, field = "household_id"): HouseholdId {
  if (!HOUSEHOLD.test(text)) throw invalid([{ field, description: "must match [A-Za-z0-9_-]{1,64}" }]);
  return text as HouseholdId;
}

/** @throws DomainError `invalid` naming `field` when `text` is not a user id. */
export function parseUserId(text: string, field = "user_id"): UserId {
  if (!USER.test(text)) {
    throw invalid([{ field, description: "must be 1 to 128 printable ASCII characters without spaces" }]);
  }
  return text as UserId;
}

/** Accepts reserved ids too; see {@link isReservedDevice}. @throws DomainError `invalid` naming `field`. */
export function parseDeviceId(text: string, field = "device_id"): DeviceId {
  if (!DEVICE.test(text)) throw invalid([{ field, description: "must match [A-Za-z0-9._:-]{1,64}" }]);
  return text as DeviceId;
}

/** Whether only the server may write under this device id: `server`, `api`, `mcp`, `merge` and their dotted forms, in any case. */
export function isReservedDevice(device: DeviceId): boolean {
  return RESERVED_DEVICE.test(device);
}

/** Whether `text` is a UUID in its canonical 8-4-4-4-12 form, in either case. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** Normalises to lower case. @throws DomainError `invalid` naming `field` when `text` is not a UUID. */
export function parseRecordId(text: string, field = "id"): RecordId {
  if (!UUID.test(text))
    throw invalid([{ field, description: "must be a UUID such as 0192f3b0-7c4e-7a10-8f2d-1c5a9b7e4d21" }]);
  return text.toLowerCase() as RecordId;
}

/** @throws DomainError `invalid` naming `field` when `text` is not an epoch. */
export function parseEpoch(text: string, field = "epoch"): Epoch {
  if (!UUID.test(text)) throw invalid([{ field, description: "must be the epoch that the server gave" }]);
  return text.toLowerCase() as Epoch;
}

/** The eight hexadecimal digits that stand for an epoch in server-minted device ids: the last eight, which are random in a UUIDv7. */
export function shortEpoch(epoch: Epoch): string {
  return epoch.slice(-8);
}
