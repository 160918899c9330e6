import type { RequestMetadata } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { DomainError, failedPrecondition } from "@funkygibbon/kernel/errors";
import { type Cursor, newestSeq } from "../domain/cursor.ts";
import type { Allowance, ClientInfo, DeviceRef, HouseholdClock } from "../domain/ports.ts";
import {
  requireBelonging,
  requireDevice,
  requireEpoch,
  requireHousehold,
  requireProtocolVersion,
} from "../domain/push-rules.ts";
import {
  compareWithOurs,
  type ParsedClock,
  parseVectorClock,
  SERVER_ENTRY,
  serverEntry,
} from "../domain/vector-clock.ts";
import type { Ground } from "./frames.ts";
import type { Caller, SyncParts } from "./sync-parts.ts";

/** What a hello and a unary sync say alike. */
export interface Introduction {
  readonly protocolVersion: string;
  readonly deviceId: string;
  readonly householdId: string;
  readonly epoch: string;
  readonly cursor: string;
  readonly vectorClock: { readonly [device: string]: string };
  readonly metadata?: RequestMetadata | undefined;
}

/** A device that has been let in: where it stands, and where its household does. */
export interface Admission {
  readonly ref: DeviceRef;
  readonly ground: Ground;
  readonly clock: HouseholdClock;
  /** From where it pulls. */
  readonly from: PullStart;
  readonly client: ClientInfo;
}

/** From where a device pulls. */
export interface PullStart {
  readonly seq: number;
  readonly tombstonesAboveSeq: number;
  readonly snapshotSeq: number;
}

/** Client texts longer than this are cut. */
const MAX_CLIENT_TEXT = 128;

/** An introduction in which nothing is wrong by itself. */
export interface Introduced extends Pick<Introduction, "householdId" | "epoch" | "cursor" | "metadata"> {
  readonly ref: DeviceRef;
  readonly clock: ParsedClock | undefined;
  /** Where its fields are, for faults that are found later: `hello.` or nothing. */
  readonly prefix: string;
}

/** Reads a hello or a sync, before anything is looked up. @throws what is wrong with it. */
export function introduce(introduction: Introduction, { identity }: Caller, prefix = ""): Introduced {
  requireProtocolVersion(introduction.protocolVersion, `${prefix}protocol_version`);
  const device = requireDevice(introduction.deviceId, identity, `${prefix}device_id`);
  const { householdId, epoch, cursor, metadata } = introduction;
  const clock = parseVectorClock(introduction.vectorClock, `${prefix}vector_clock`);
  return { ref: { household: identity.household, device }, clock, householdId, epoch, cursor, metadata, prefix };
}

/** @throws DomainError `exhausted`, RATE_LIMITED. */
export function requireAllowance(allowance: Allowance): void {
  if (allowance.allowed) return;
  throw new DomainError("exhausted", "too many requests or changes in this second", {
    reason: "RATE_LIMITED",
    retryAfterMs: allowance.retryAfterMs,
  });
}

/**
 * Finds out where a device stands against its household.
 * @throws `failed-precondition` EPOCH_CHANGED or HOUSEHOLD_CHANGED when it stands on other ground; `not-found` for a
 * guest of a household that does not exist.
 */
export async function admit(introduced: Introduced, caller: Caller, parts: SyncParts): Promise<Admission> {
  const { ref, prefix } = introduced;
  requireHousehold(introduced.householdId, ref.household);
  const cursor = parts.cursors.decode(introduced.cursor);
  if (cursor !== undefined) {
    requireBelonging({ household: introduced.householdId, epoch: introduced.epoch }, prefix);
    requireHousehold(cursor.household, ref.household);
  }
  const clock = await agreedClock(introduced.epoch, cursor, ref, caller, parts);
  requireEpoch(introduced.epoch, clock.position.epoch);
  if (cursor !== undefined) requireEpoch(cursor.epoch, clock.position.epoch);
  // The clock informs, the cursor decides (docs/protocol.md, section 9).
  const ours = { ...clock.versions, [SERVER_ENTRY]: serverEntry(clock.position) };
  parts.telemetry.clockCompared(compareWithOurs(introduced.clock, ours));
  return {
    ref,
    ground: { household: ref.household, epoch: clock.position.epoch },
    clock,
    from: pullStart(cursor, clock),
    client: clientInfo(introduced.metadata),
  };
}

/**
 * The live clock, unless the device says that it must be behind: it knows a younger epoch or a higher seq. The durable
 * clock decides then.
 */
async function agreedClock(
  epoch: string,
  cursor: Cursor | undefined,
  { household }: DeviceRef,
  { credentials }: Caller,
  parts: SyncParts,
): Promise<HouseholdClock> {
  const clock = await parts.householdClocks.current(household, credentials);
  const { position } = clock;
  const knowsMore =
    epoch.toLowerCase() > position.epoch ||
    (cursor !== undefined && cursor.epoch === position.epoch && newestSeq(cursor) > position.headSeq);
  return knowsMore ? parts.householdClocks.durable(household, credentials) : clock;
}

/** A cursor ahead of the log, which no restore explains, is worth nothing: the device starts over. */
function pullStart(cursor: Cursor | undefined, { position }: HouseholdClock): PullStart {
  if (cursor === undefined || newestSeq(cursor) > position.headSeq) {
    return { seq: 0, tombstonesAboveSeq: position.headSeq, snapshotSeq: 0 };
  }
  const { seq, tombstonesAboveSeq, snapshotSeq } = cursor;
  return { seq, tombstonesAboveSeq, snapshotSeq };
}

function clientInfo(metadata: RequestMetadata | undefined): ClientInfo {
  return {
    clientVersion: (metadata?.clientVersion ?? "").slice(0, MAX_CLIENT_TEXT),
    platform: (metadata?.platform ?? "").slice(0, MAX_CLIENT_TEXT),
  };
}

/** @throws `failed-precondition` SESSION_SUPERSEDED. */
export function supersededError(): DomainError {
  return failedPrecondition("SESSION_SUPERSEDED", "a newer session of this device has begun");
}
