import type { Clock } from "@funkygibbon/kernel/clock";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { TokenVerifier } from "@funkygibbon/rpc/auth";
import type { CallContext } from "@funkygibbon/rpc/call";
import type { Logger } from "@funkygibbon/runtime/log";
import type { CursorCodec } from "../domain/cursor.ts";
import type { FairShare } from "../domain/fair-share.ts";
import type {
  Announcements,
  BindingCache,
  DeviceRegistry,
  HouseholdFeeds,
  Leases,
  LiveClocks,
  Presence,
  RateLimits,
  SyncTelemetry,
} from "../domain/ports.ts";
import type { ChangeLog, Credentials, Resolver } from "./change-log.ts";
import type { FrameBudget } from "./frame-budget.ts";
import type { HouseholdClocks } from "./household-clocks.ts";
import type { Sessions } from "./sessions.ts";

/** Everything that the handlers of SyncService work with. */
export interface SyncParts {
  readonly changeLog: ChangeLog;
  readonly resolver: Resolver;
  readonly registry: DeviceRegistry;
  readonly leases: Leases;
  readonly liveClocks: LiveClocks;
  readonly householdClocks: HouseholdClocks;
  readonly rateLimits: RateLimits;
  readonly fairShare: FairShare;
  readonly presence: Presence;
  readonly bindings: BindingCache;
  readonly announcements: Announcements;
  readonly feeds: HouseholdFeeds;
  readonly sessions: Sessions;
  readonly frameBudget: FrameBudget;
  readonly cursors: CursorCodec;
  readonly verifier: Pick<TokenVerifier, "verifyUser">;
  readonly telemetry: SyncTelemetry;
  readonly clock: Clock;
  /** From 0 to 1, as Math.random. */
  readonly random: () => number;
  readonly log: Logger;
}

/** What this server can do, as it says in every welcome and answer. Each is true, and tested. */
export const SERVER_CAPABILITIES = [
  "push",
  "pull",
  "stream",
  "subscribe",
  "heal",
  "digest",
  "own-versions",
  "token-refresh",
  "conflict-events",
  "presence",
  "compression-gzip",
] as const;

const BEARER = /^Bearer (\S+)$/i;

/** The credentials of a call, to be passed on to entity-store. */
export function credentialsOf(call: CallContext): Credentials {
  return { token: BEARER.exec(call.headers.get("authorization") ?? "")?.[1], actor: call.headers.get("x-actor") };
}

/** Who calls, and how that is proven further on. */
export interface Caller {
  readonly identity: Identity;
  readonly credentials: Credentials;
}

/** The caller; throws `unauthenticated` when there is none. */
export function callerOf(call: CallContext): Caller {
  return { identity: call.requireIdentity(), credentials: credentialsOf(call) };
}
