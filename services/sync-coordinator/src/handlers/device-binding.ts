import { invalid, permissionDenied } from "@funkygibbon/kernel/errors";
import { isUuid } from "@funkygibbon/kernel/ids";
import type { ClientInfo, DeviceRef } from "../domain/ports.ts";
import { supersededError } from "./opening.ts";
import type { Caller, SyncParts } from "./sync-parts.ts";

const NO_KEY = new Uint8Array();
/** A session id is a UUIDv7 of ours; one from further in the future is not. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1_000;

/** What is known of the client where a call says nothing of it. */
export const UNKNOWN_CLIENT: ClientInfo = { clientVersion: "", platform: "" };

/**
 * A device belongs to the user who first used it. Remembered for a minute; a miss asks the store, which binds it.
 * @throws `permission-denied` when it is another user's.
 */
export async function requireBinding(
  device: DeviceRef,
  { identity }: Caller,
  client: ClientInfo,
  parts: Pick<SyncParts, "bindings" | "registry">,
): Promise<void> {
  const bound = await parts.bindings.boundUser(device);
  if (bound === identity.user) return;
  if (bound !== undefined) throw permissionDenied("the device belongs to another user", "DEVICE_OF_ANOTHER_USER");
  await parts.registry.openSession(device, { user: identity.user, sessionKey: NO_KEY, rotateKey: false, client });
  await parts.bindings.remember(device, identity.user);
}

/** @throws `invalid` for what was never a session id of ours. */
export function requireSessionId(session: string, nowMs: number): void {
  const startedMs = Number.parseInt(session.replace("-", "").slice(0, 12), 16);
  if (isUuid(session) && startedMs <= nowMs + MAX_AHEAD_MS) return;
  throw invalid([{ field: "session_id", description: "must be the one that the server gave" }]);
}

/**
 * The session that a unary call belongs to: the one it presents, or a new one, which ends any other of the device.
 * @throws `failed-precondition`, SESSION_SUPERSEDED, when a newer one has begun.
 */
export async function unarySession(device: DeviceRef, presented: string, parts: SyncParts): Promise<string> {
  if (presented !== "") {
    const session = presented.toLowerCase();
    if (!(await parts.leases.renew({ ...device, session }))) throw supersededError();
    return session;
  }
  const session = await parts.leases.take(device);
  parts.sessions.get(device)?.supersede();
  parts.announcements.superseded({ ...device, session });
  return session;
}
