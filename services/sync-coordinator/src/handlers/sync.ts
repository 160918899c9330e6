import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { type RecordVersion, RecordVersionSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  OwnVersionSchema,
  type PulledRecord,
  PulledRecordSchema,
  type SyncRequest,
  type SyncResponseSchema,
  SyncStatus,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import { invalid } from "@funkygibbon/kernel/errors";
import { MAX_PAGE_RECORDS, PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import type { LogPosition } from "@funkygibbon/kernel/record";
import type { CallContext } from "@funkygibbon/rpc/call";
import { positionFromWire } from "@funkygibbon/wire/log-position";
import { ClockOffset } from "../domain/clock-offset.ts";
import type { DeviceRef } from "../domain/ports.ts";
import {
  requireBelonging,
  requireBoundedPush,
  requireEpoch,
  requireUser,
  requireWritingRole,
} from "../domain/push-rules.ts";
import { requireBinding, requireSessionId, unarySession } from "./device-binding.ts";
import { clockOnWire, rateLimitOnWire, timestamp } from "./frames.ts";
import { type Admission, admit, type Introduced, introduce, requireAllowance } from "./opening.ts";
import { ownSequences, type SettledPush, settlePush } from "./push-settlement.ts";
import { type Caller, callerOf, SERVER_CAPABILITIES, type SyncParts } from "./sync-parts.ts";

type SyncAnswer = MessageInitShape<typeof SyncResponseSchema>;

/** Sync: one round of push and pull. With nothing to push and nothing new, Redis alone answers. */
export async function sync(request: SyncRequest, call: CallContext, parts: SyncParts): Promise<SyncAnswer> {
  const receivedUs = parts.clock.now();
  const caller = callerOf(call);
  const introduced = checkRequest(request, caller, receivedUs);
  const device = introduced.ref;
  const [allowance, admission] = await Promise.all([
    parts.rateLimits.spend(device, request.changes.length),
    admit(introduced, caller, parts),
  ]);
  requireAllowance(allowance);
  await requireBinding(device, caller, admission.client, parts);
  const sessionId = await unarySession(device, request.sessionId, parts);

  const pushed = await push(request, { admission, caller, receivedUs }, parts);
  const pulled = await pull(request, { admission, pushed }, parts);
  const versions =
    pushed === undefined
      ? admission.clock.versions
      : ((await parts.liveClocks.read(device.household)) ?? admission.clock).versions;
  return {
    protocolVersion: PROTOCOL_VERSION,
    serverTime: timestamp(parts.clock.now()),
    sessionId,
    vectorClock: clockOnWire({ position: pulled.position, versions }),
    changes: [...pulled.records],
    conflicts: [...(pushed?.conflicts ?? [])],
    nextSyncToken: pulled.cursor,
    syncStatus: pushed?.status ?? SyncStatus.SUCCESS,
    serverCapabilities: [...SERVER_CAPABILITIES],
    rateLimit: rateLimitOnWire(allowance),
    householdId: admission.ground.household,
    epoch: admission.ground.epoch,
    outcomes: [...(pushed?.outcomes ?? [])],
    headSeq: BigInt(pulled.position.headSeq),
    digest: pulled.position.digest,
    upToDate: pulled.upToDate,
  };
}

/** Everything that is wrong with the request itself, before anything is looked up. */
function checkRequest(request: SyncRequest, caller: Caller, nowUs: Micros): Introduced {
  const introduced = introduce({ ...request, cursor: request.nextSyncToken }, caller);
  requireUser(request.userId, caller.identity);
  if (request.sessionId !== "") requireSessionId(request.sessionId, nowUs / 1_000);
  if (request.pageSize < 0 || request.pageSize > MAX_PAGE_RECORDS) {
    throw invalid([{ field: "page_size", description: `must be 0 to ${MAX_PAGE_RECORDS}` }]);
  }
  requireBoundedPush(request.changes);
  if (request.changes.length > 0) {
    requireWritingRole(caller.identity);
    requireBelonging({ household: request.householdId, epoch: request.epoch });
  }
  return introduced;
}

interface PushFacts {
  readonly admission: Admission;
  readonly caller: Caller;
  readonly receivedUs: Micros;
}

async function push(request: SyncRequest, facts: PushFacts, parts: SyncParts): Promise<SettledPush | undefined> {
  if (request.changes.length === 0) return undefined;
  const { admission, caller, receivedUs } = facts;
  const clockOffset = new ClockOffset();
  clockOffset.read(Number(request.deviceTimeUs), receivedUs);
  return settlePush(
    {
      from: admission.ref,
      epoch: admission.ground.epoch,
      credentials: caller.credentials,
      changes: request.changes,
      receivedUs,
      clockOffsetUs: clockOffset.us,
    },
    parts,
  );
}

interface PulledPage {
  readonly records: readonly PulledRecord[];
  readonly cursor: string;
  readonly position: LogPosition;
  readonly upToDate: boolean;
}

async function pull(
  request: SyncRequest,
  { admission, pushed }: { readonly admission: Admission; readonly pushed: SettledPush | undefined },
  parts: SyncParts,
): Promise<PulledPage> {
  const { ground, from, clock } = admission;
  const unmoved = parts.cursors.encode({ ...ground, ...from });
  const position = pushed?.position ?? clock.position;
  if (request.skipPull) return { records: [], cursor: unmoved, position, upToDate: false };
  if (from.seq === position.headSeq) {
    parts.telemetry.noChangeSync();
    return { records: [], cursor: unmoved, position, upToDate: true };
  }
  const page = await parts.changeLog.read({
    household: ground.household,
    afterSeq: from.seq,
    limit: request.pageSize,
    tombstonesAboveSeq: from.tombstonesAboveSeq,
  });
  const snapshot = positionFromWire(page.position);
  if (snapshot.epoch !== ground.epoch) {
    // A live clock of the old log would let the device run into the same wall again, until it expires.
    const { household } = ground;
    await parts.liveClocks.raise({ household, position: snapshot, firstSeq: snapshot.headSeq, entry: undefined });
  }
  requireEpoch(ground.epoch, snapshot.epoch);
  const own = new Set(ownSequences(request.changes, pushed?.outcomes ?? []));
  const throughSeq = Number(page.throughSeq);
  return {
    records: page.versions.map((bytes) => pulledRecord(fromBinary(RecordVersionSchema, bytes), admission.ref, own)),
    cursor: parts.cursors.encode({ ...ground, ...from, seq: throughSeq, snapshotSeq: snapshot.headSeq }),
    position: snapshot,
    upToDate: throughSeq >= snapshot.headSeq,
  };
}

/** What this very call has pushed comes back without its body. */
function pulledRecord(version: RecordVersion, { device }: DeviceRef, own: ReadonlySet<number>): PulledRecord {
  if (version.deviceId !== device || !own.has(Number(version.sequence))) {
    return create(PulledRecordSchema, { record: { case: "version", value: version } });
  }
  const { recordId, seq, effectiveUs, stamps, author } = version;
  const value = create(OwnVersionSchema, { recordId, version: version.version, seq, effectiveUs, stamps, author });
  return create(PulledRecordSchema, { record: { case: "own", value } });
}
