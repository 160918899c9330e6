import type { Micros } from "./clock.ts";
import type { DeviceId, HouseholdId, UserId } from "./ids.ts";

/** What a person may do in a household: `guest` reads, `member` also writes, `owner` also administers. */
export const ROLES = ["owner", "member", "guest"] as const;
export type Role = (typeof ROLES)[number];

/** Who is calling, as proven by a verified token; the only source of household, user and role. */
export interface Identity {
  readonly household: HouseholdId;
  readonly user: UserId;
  readonly role: Role;
  /** OAuth scopes, for example `home:read`; empty when the token names none. */
  readonly scopes: readonly string[];
  /** The device that the token is bound to, when it is. */
  readonly device: DeviceId | undefined;
  /** When the proof ends; a stream ends then too. */
  readonly expiresAt: Micros;
  /** The assistant or program acting for the user, when a gateway vouches for one. */
  readonly client: string | undefined;
}

/** Whether this role may change the graph. */
export function mayWrite(role: Role): boolean {
  return role !== "guest";
}
