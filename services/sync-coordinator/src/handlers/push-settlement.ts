import { create } from "@bufbuild/protobuf";
import type { Divergence, Resolution } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import {
  type Change,
  type ChangeOutcome,
  ChangeOutcomeSchema,
  Outcome,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import {
  ConflictDecision,
  type ConflictRecord,
  ResolutionStrategy,
} from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import { type ConflictInfo, ConflictInfoSchema, SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import { DomainError } from "@funkygibbon/kernel/errors";
import { type Epoch, type HouseholdId, parseEpoch } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import { parseVersion } from "@funkygibbon/kernel/version";
import { positionFromWire } from "@funkygibbon/wire/log-position";
import { outcomes as outcomeNames } from "@funkygibbon/wire/outcomes";
import { commitParts } from "../domain/commit-parts.ts";
import { type CommitParts, commitInRounds } from "../domain/commit-rounds.ts";
import type { FairShare } from "../domain/fair-share.ts";
import type { LogPage } from "../domain/log-page.ts";
import { MAX_MESSAGE_SIZE, sizeOfChange, sizeOfFields, sizeOfResolution } from "../domain/message-size.ts";
import type { DeviceRef, LiveClocks, SyncTelemetry } from "../domain/ports.ts";
import { pushSlices } from "../domain/push-slices.ts";
import { syncStatus } from "../domain/sync-status.ts";
import type { ChangeLog, CommitAnswer, Credentials, Resolver } from "./change-log.ts";

/** A push whose frame has been found right. */
export interface PushToSettle {
  readonly from: DeviceRef;
  readonly epoch: Epoch;
  readonly credentials: Credentials;
  readonly changes: readonly Change[];
  /** When it came, by our clock. */
  readonly receivedUs: Micros;
  /** The device's clock minus ours, in microseconds. */
  readonly clockOffsetUs: number;
}

/** What became of it. */
export interface SettledPush {
  /** One for each change, in the order of the push. */
  readonly outcomes: readonly ChangeOutcome[];
  readonly conflicts: readonly ConflictInfo[];
  readonly status: SyncStatus;
  /** The log after the last commit. */
  readonly position: LogPosition;
  /** Some changes are to be sent again because a part was away: not before this many milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** All that was written has been told as pages of the log: it need not be read. */
  readonly toldWhole: boolean;
}

/** What settles pushes. */
export interface SettlementParts {
  readonly changeLog: Pick<ChangeLog, "commit">;
  readonly resolver: Resolver;
  readonly liveClocks: Pick<LiveClocks, "raise">;
  readonly fairShare: FairShare;
  readonly telemetry: Pick<SyncTelemetry, "pushSettled">;
}

interface Answer {
  readonly outcomes: readonly (ChangeOutcome | undefined)[];
  readonly divergences: readonly Divergence[];
  readonly conflicts: readonly ConflictRecord[];
  readonly position: LogPosition;
  readonly firstSeq: number;
  readonly deviceVersion: string;
  readonly newestUs: Micros;
  readonly written: LogPage | undefined;
}

/**
 * Commits a push, has what diverged resolved, and raises the clock.
 * @param tell called with what has been written as soon as it is, as a page of the log, where the store has said all of it.
 * @throws what the first commit was refused with; nothing is known to be stored then.
 */
export async function settlePush(
  push: PushToSettle,
  parts: SettlementParts,
  tell: (written: LogPage) => void = () => {},
): Promise<SettledPush> {
  const startedMs = performance.now();
  const call = {
    actorToken: push.credentials.token ?? push.credentials.actor ?? "",
    householdId: push.from.household,
    epoch: push.epoch,
    deviceId: push.from.device,
    receivedUs: BigInt(push.receivedUs),
    clockOffsetUs: BigInt(push.clockOffsetUs),
  };
  const { household } = push.from;
  const { fairShare } = parts;
  const slices = pushSlices(push.changes, fairShare.changesAtOnce(household, push.receivedUs));
  const isCut = slices.length > 1;
  const work: CommitParts<Change, ChangeOutcome, Divergence, Resolution, Answer> = {
    commit: async (changes, resolutions, notBeforeUs) => {
      const commit = async () => {
        const answer = await parts.changeLog.commit({
          ...call,
          notBeforeUs: BigInt(notBeforeUs),
          changes: [...changes],
          resolutions: [...resolutions],
        });
        if (answer.written !== undefined) tell(answer.written);
        return answerOf(answer);
      };
      return isCut ? fairShare.slice(commit) : commit();
    },
    resolve: (divergences) => parts.resolver.resolve(divergences),
    inParts: (changes, resolutions) =>
      commitParts(
        changes.map((change) => ({ recordId: change.recordId, size: sizeOfChange(change) })),
        resolutions.map((resolution) => ({ recordId: resolution.recordId, size: sizeOfResolution(resolution) })),
        MAX_MESSAGE_SIZE,
      ),
    retry: ({ recordId, version }) =>
      create(ChangeOutcomeSchema, { recordId: recordId.toLowerCase(), version, outcome: Outcome.RETRY }),
  };
  const commit = () => commitInRounds(push.changes, slices, work);
  const settlement = await (isCut ? fairShare.inTurn(household, commit) : commit()).catch(async (error: unknown) => {
    await leaveOldClock(household, error, parts.liveClocks);
    throw error;
  });

  await Promise.all(settlement.answers.map((answer) => raiseClock(push, answer, parts.liveClocks)));
  const last = settlement.answers.at(-1) ?? settlement.answers[0];
  const conflicts = conflictInfos(settlement.answers.flatMap((answer) => answer.conflicts));
  const names = settlement.outcomes.flatMap(({ outcome }) => outcomeNames.fromWire(outcome) ?? []);
  parts.telemetry.pushSettled({
    changes: push.changes.length,
    rounds: settlement.answers.length,
    seconds: (performance.now() - startedMs) / 1_000,
  });
  return {
    outcomes: settlement.outcomes,
    conflicts,
    status: syncStatus(names, conflicts.length) === "success" ? SyncStatus.SUCCESS : SyncStatus.PARTIAL,
    position: last.position,
    retryAfterMs: settlement.interruptedBy?.retryAfterMs,
    toldWhole: settlement.answers.every(({ written }) => written !== undefined),
  };
}

/** Sequences of the changes that are head under their own version: they come back as stamps. Heals come back whole. */
export function ownSequences(changes: readonly Change[], outcomes: readonly ChangeOutcome[]): number[] {
  return changes.flatMap((change, index) => {
    if (outcomes[index]?.outcome !== Outcome.APPLIED || change.heal !== undefined) return [];
    // The store has applied it, so it reads as versions do; taking all of it apart again would cost more than the rest.
    return Number(change.version.slice(change.version.lastIndexOf("-") + 1));
  });
}

/** Why a push may be sent again as it is; undefined when sending it again changes nothing. */
export function refusal(error: unknown): { readonly reason: string; readonly retryAfterMs: number } | undefined {
  if (!(error instanceof DomainError)) return undefined;
  const { kind, reason, retryAfterMs = 1_000 } = error;
  switch (kind) {
    case "exhausted":
      return { reason, retryAfterMs };
    case "unavailable":
    case "deadline-exceeded":
      return { reason: "UNAVAILABLE", retryAfterMs };
    default:
      return undefined;
  }
}

function answerOf({ result, written }: CommitAnswer): Answer {
  return {
    written,
    outcomes: result.outcomes.map((outcome) => (outcome.outcome === Outcome.UNSPECIFIED ? undefined : outcome)),
    divergences: result.divergences,
    conflicts: result.conflicts,
    position: positionFromWire(result.position),
    firstSeq: Number(result.firstSeq),
    deviceVersion: result.deviceVersion,
    newestUs: Number(result.newestUs),
  };
}

/** The details of all conflicts of one answer, in UTF-16 units; a device takes frames of a few MiB. */
const MAX_DETAILS_SIZE = 1024 * 1024;

function conflictInfos(rows: readonly ConflictRecord[]): ConflictInfo[] {
  let room = MAX_DETAILS_SIZE;
  return rows.map((row) => {
    const size = sizeOfFields(row.fields);
    const fits = size <= room;
    if (fits) room -= size;
    return conflictInfo(row, fits);
  });
}

/** The store's row has the device's side as local already; the hint is what a person is still asked for. */
function conflictInfo(row: ConflictRecord, withDetails: boolean): ConflictInfo {
  return create(ConflictInfoSchema, {
    conflictId: row.id,
    recordId: row.recordId,
    conflictType: row.type,
    localVersion: row.localVersion,
    serverVersion: row.serverVersion,
    resolutionHint: row.decision === ConflictDecision.OPEN ? ResolutionStrategy.MANUAL : row.strategy,
    decision: row.decision,
    details: withDetails ? row.fields : [],
    detailsLeftOut: !withDetails,
  });
}

/**
 * A live clock of a log that is no more would send every device that comes to heal into the same wall, until it expires.
 */
async function leaveOldClock(
  household: HouseholdId,
  error: unknown,
  liveClocks: Pick<LiveClocks, "raise">,
): Promise<void> {
  if (!(error instanceof DomainError) || error.reason !== "EPOCH_CHANGED" || error.details.epoch === undefined) return;
  const position = { epoch: parseEpoch(error.details.epoch), headSeq: 0, digest: 0n, committedUs: 0 };
  await liveClocks.raise({ household, position, firstSeq: 0, entry: undefined });
}

async function raiseClock(push: PushToSettle, answer: Answer, liveClocks: Pick<LiveClocks, "raise">): Promise<void> {
  const { device, household } = push.from;
  const { deviceVersion, position, firstSeq } = answer;
  if (firstSeq === 0) return;
  const entry =
    deviceVersion === ""
      ? undefined
      : { device, version: deviceVersion, sequence: parseVersion(deviceVersion, "device_version").sequence };
  await liveClocks.raise({ household, position, firstSeq, entry });
}
