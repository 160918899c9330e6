import type { Micros } from "@funkygibbon/kernel/clock";
import type { DeviceId, Epoch, HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { LogPage } from "./log-page.ts";
import type { News } from "./session-state.ts";
import type { VectorClock } from "./vector-clock.ts";

/** One device of one household. */
export interface DeviceRef {
  readonly household: HouseholdId;
  readonly device: DeviceId;
}

/** One session of a device. */
export interface SessionRef extends DeviceRef {
  /** UUIDv7; the greater of two is the newer session. */
  readonly session: string;
}

/**
 * One session per device, over all replicas. Leases save work; correctness never depends on them, so while their store
 * is away everybody holds theirs.
 */
export interface Leases {
  /** Begins a session: takes the lease from whoever has it. Returns its id, which is newer than the one before. */
  take(device: DeviceRef): Promise<string>;
  /** False when a newer session has begun. An expired lease is taken again. */
  renew(session: SessionRef): Promise<boolean>;
  /** Gives the lease back if it is still this session's. */
  release(session: SessionRef): Promise<void>;
}

/** A household's vector clock as it stands, with the position of its log. */
export interface HouseholdClock {
  readonly position: LogPosition;
  /** Device id → newest version; without the entry `server`, which follows from the position. */
  readonly versions: VectorClock;
}

/** What a commit adds to a clock. */
export interface ClockRaise {
  readonly household: HouseholdId;
  readonly position: LogPosition;
  /** The first seq of the commit; 0 when it is not known or nothing was written. */
  readonly firstSeq: number;
  /** The device that wrote, with its newest version; undefined for writes of the server. */
  readonly entry: { readonly device: DeviceId; readonly version: string; readonly sequence: number } | undefined;
}

/** The live clock of each household. It may be gone or behind for a while; it is never ahead. Nothing here rejects. */
export interface LiveClocks {
  /** Undefined when there is none, or its store is away: the durable one tells. */
  read(household: HouseholdId): Promise<HouseholdClock | undefined>;
  /** After a comparison with the durable clock. */
  replace(household: HouseholdId, clock: HouseholdClock): Promise<void>;
  /** After a commit; only upwards. Returns within 50 ms. */
  raise(raise: ClockRaise): Promise<void>;
}

/** What is left of an allowance. */
export interface Allowance {
  readonly allowed: boolean;
  /** Requests left until it is whole again. */
  readonly remaining: number;
  readonly resetAtUs: Micros;
  /** When to try again, in milliseconds; meaningful when it was not allowed. */
  readonly retryAfterMs: number;
}

/** Budgets per device and per household. Kept locally while their store is away. */
export interface RateLimits {
  /** Takes one request and this many changes. */
  spend(device: DeviceRef, changes: number): Promise<Allowance>;
}

/** A device that came or went. */
export interface DevicePresence {
  readonly device: DeviceId;
  readonly connected: boolean;
  readonly sinceUs: Micros | undefined;
}

/** Who is connected, over all replicas. Nothing here rejects. */
export interface Presence {
  arrived(session: SessionRef, nowUs: Micros): Promise<void>;
  /** Without effect when a newer session of the device has arrived. */
  left(session: SessionRef, nowUs: Micros): Promise<void>;
  /** Undefined when nobody knows. */
  list(household: HouseholdId): Promise<readonly DevicePresence[] | undefined>;
}

/** To whom devices are bound, remembered for a minute; a miss asks the registry. Nothing here rejects. */
export interface BindingCache {
  boundUser(device: DeviceRef): Promise<UserId | undefined>;
  remember(device: DeviceRef, user: UserId): Promise<void>;
  forget(device: DeviceRef): Promise<void>;
}

/** A device as the store remembers it. */
export interface DeviceRecord {
  readonly device: DeviceId;
  /** Undefined after an owner has unbound it. */
  readonly user: UserId | undefined;
  readonly highestSequence: number;
  readonly acknowledgedSeq: number;
  readonly acknowledgedEpoch: Epoch | undefined;
  readonly lastSeenUs: Micros;
  readonly clientVersion: string;
  readonly platform: string;
}

/** What a client says of itself. */
export interface ClientInfo {
  readonly clientVersion: string;
  readonly platform: string;
}

/** A session as the registry opened it. */
export interface RegisteredSession {
  readonly sessionKey: Uint8Array;
  readonly forked: boolean;
  readonly record: DeviceRecord;
}

/** What the store remembers of devices. */
export interface DeviceRegistry {
  /** Binds the device at its first use. @throws `permission-denied` when it is another user's. */
  openSession(
    device: DeviceRef,
    options: {
      readonly user: UserId;
      readonly sessionKey: Uint8Array;
      readonly rotateKey: boolean;
      readonly client: ClientInfo;
    },
  ): Promise<RegisteredSession>;
  /** Moves the durable cursor, only forwards within an epoch. */
  acknowledge(device: DeviceRef, seq: number, epoch: Epoch): Promise<void>;
  list(household: HouseholdId): Promise<readonly DeviceRecord[]>;
  forget(device: DeviceRef): Promise<void>;
}

/** What one replica tells the others. Nothing here rejects; what cannot be told is found out later. */
export interface Announcements {
  /** False when nobody can be told just now. */
  readonly available: boolean;
  requestSync(household: HouseholdId, device: DeviceId | undefined, reason: string): void;
  superseded(session: SessionRef): void;
  forgotten(device: DeviceRef): void;
  presence(device: DeviceRef, connected: boolean, atUs: Micros): void;
}

/** A log at rest: nothing has moved for a moment, and its digest is known. */
export interface SettledLog {
  readonly clock: HouseholdClock;
}

/** A conflict of the household as it is now: a ConflictRecord, serialised, which is only passed on. */
export interface ToldConflict {
  readonly bytes: Uint8Array;
}

/** A session as the feed of its household sees it. Calls return at once and never throw. */
export interface FeedListener {
  /** The log has moved. */
  onAdvance(headSeq: number): void;
  onSettled(log: SettledLog): void;
  /** The log was renewed; the feed has ended. */
  onEpochChanged(epoch: Epoch): void;
  onSyncRequested(device: DeviceId | undefined, reason: string): void;
  /** A session of this device has begun somewhere. */
  onSuperseded(device: DeviceId, session: string): void;
  onForgotten(device: DeviceId): void;
  onConflictChanged(conflict: ToldConflict): void;
}

/** The log of one household as it grows, shared by its sessions on this replica. */
export interface HouseholdFeed {
  readonly epoch: Epoch;
  /** The newest seq that is known. */
  readonly headSeq: number;
  /** Resolves when what is said to the household from now on arrives here, or that cannot be had. */
  readonly listening: Promise<void>;
  /** Whose edits are above this seq, as far as that is known without reading the log. */
  news(afterSeq: number, device: DeviceId): News;
  /** A page above this seq; the log is read at most once for all who ask for the same. */
  read(afterSeq: number, tombstonesAboveSeq: number): Promise<LogPage>;
  /** The log is known to have moved this far, for example by a commit of our own. */
  hint(headSeq: number): void;
  /** A commit of our own has written this page. */
  wrote(page: LogPage): void;
  leave(listener: FeedListener): void;
}

/** The feeds of all households with sessions on this replica. */
export interface HouseholdFeeds {
  join(household: HouseholdId, known: HouseholdClock, listener: FeedListener): HouseholdFeed;
}

/** One function per thing worth counting. */
export interface SyncTelemetry {
  sessionOpened(kind: "stream" | "subscribe"): void;
  sessionClosed(kind: "stream" | "subscribe", reason: string): void;
  pushSettled(facts: { readonly changes: number; readonly rounds: number; readonly seconds: number }): void;
  pushRefused(reason: string): void;
  framesSent(records: number, backlog: boolean): void;
  noChangeSync(): void;
  clockCompared(relation: string): void;
  logRead(why: "backlog" | "gap" | "poll" | "settle"): void;
  degraded(part: "redis" | "nats", what: string): void;
}
