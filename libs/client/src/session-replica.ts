import type { ChangesFrame, PushResult, UpToDate, Welcome } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import type { Sha256 } from "@funkygibbon/kernel/content";
import { DomainError, internal } from "@funkygibbon/kernel/errors";
import { type Epoch, type HouseholdId, parseEpoch, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { outcomeFromWire } from "@funkygibbon/wire/change";
import { reopenAnswers, settleAnswers } from "./answers.ts";
import { applyPage, releaseEditsUpTo, StagedBase, storePage } from "./base-layer.ts";
import { forkedDeviceId, takeDeviceId, takeStanding } from "./edit-queue.ts";
import { planHeals, swapReplicas, underOwnVersion } from "./healing.ts";
import type { LocalReplica } from "./local-replica.ts";
import { inPushes, isSendable, type PushFootprint, takePush } from "./push-planning.ts";
import type { Edit } from "./replica-record.ts";
import { durationMs, type SessionEnd } from "./session-end.ts";
import type { EffectOf, SessionEvent, SessionPlan, SessionState } from "./session-state.ts";
import type { Surroundings } from "./timers.ts";
import { pulledFromWire } from "./wire-mapping.ts";

/** Which log a session speaks of. */
export interface SessionLog {
  readonly household: HouseholdId;
  readonly epoch: Epoch;
}

/** What a session's side of the replica works with. */
export interface SessionReplicaOptions extends Surroundings {
  readonly replica: LocalReplica;
  readonly plan: SessionPlan;
  readonly sha256: Sha256;
}

const DEFERRAL_MS = 5_000;

/**
 * What a session does to the replica: stores what frames bring and takes edits for pushes. Each frame is stored in one
 * step, and the session then hears of it as an event.
 */
export class SessionReplica {
  readonly #options: SessionReplicaOptions;
  /** Pulled from empty while the base stays in use. */
  readonly #staged = new StagedBase();
  #log: SessionLog | undefined;

  constructor(options: SessionReplicaOptions) {
    this.#options = options;
  }

  /** Known from the welcome on. */
  get log(): SessionLog | undefined {
    return this.#log;
  }

  /** The log was renewed: the base belongs to another epoch until the second replica takes its place. */
  get isRenewed(): boolean {
    const { plan } = this.#options;
    return plan.kind === "fresh-base" && plan.heal;
  }

  /** A log that is gone had answered edits; what the base does not hold of them is sent again. */
  async prepare(): Promise<void> {
    if (this.isRenewed) await this.#options.replica.transact("local", reopenAnswers);
  }

  async welcome(
    welcome: Welcome,
    from: { readonly householdId: string; readonly epoch: string },
  ): Promise<SessionEvent> {
    const { replica } = this.#options;
    const { isRenewed } = this;
    const log = { household: parseHouseholdId(from.householdId), epoch: parseEpoch(from.epoch) };
    const known = replica.meta;
    if (known.household !== undefined && known.household !== log.household)
      return { type: "ended", end: otherHousehold() };
    if (!isRenewed && known.epoch !== undefined && known.epoch !== log.epoch) {
      return { type: "ended", end: { kind: "epoch-changed" } };
    }
    await replica.transact("remote", (tx) => {
      tx.setMeta({
        household: log.household,
        ...(isRenewed ? {} : { epoch: log.epoch }),
        ...(welcome.sessionKey.length === 0 ? {} : { sessionKey: welcome.sessionKey }),
      });
      takeStanding(tx, { forked: welcome.forked, highestSequence: Number(welcome.highestSequence) });
    });
    this.#log = log;
    return { type: "welcome", mayPush: welcome.role !== "guest", headSeq: Number(welcome.headSeq) };
  }

  async page({ records, cursor, frameId, headSeq }: ChangesFrame, { phase }: SessionState): Promise<SessionEvent> {
    const page = records.map(pulledFromWire);
    const isWhole = await this.#options.replica.transact("remote", (tx) =>
      phase.name === "following" ? storePage(tx, page, cursor) : applyPage(tx, this.#staged, page).length === 0,
    );
    return { type: "page", frameId, cursor, headSeq: Number(headSeq), isWhole };
  }

  async upToDate(frame: UpToDate, { phase, heals }: SessionState): Promise<SessionEvent> {
    const { replica, sha256 } = this.#options;
    const { cursor, vectorClock, digest } = frame;
    const position = { cursor, vectorClock, headSeq: Number(frame.headSeq) };
    if (phase.name === "following") {
      await replica.transact("remote", (tx) => {
        tx.setMeta({ cursor, vectorClock });
        releaseEditsUpTo(tx, this.#epoch(), position.headSeq);
      });
      return { type: "up-to-date", position, addsUp: replica.digest === digest, lost: [] };
    }
    const addsUp = this.#staged.digest(sha256) === digest;
    const plansHeals = addsUp && heals && phase.name === "staging";
    const lost = plansHeals ? [...inPushes(planHeals(replica.baseRecords(), this.#staged.records))] : [];
    return { type: "up-to-date", position, addsUp, lost };
  }

  /** @throws DomainError `internal` when it is not the oldest unanswered push that is answered. */
  async answer(result: PushResult, { phase, unanswered }: SessionState): Promise<SessionEvent> {
    const { replica, clock } = this.#options;
    const [push] = unanswered;
    if (push === undefined || BigInt(push.id) !== result.pushId) {
      throw internal(`the server answered push ${result.pushId}`);
    }
    if (result.refusedReason !== "") {
      return { type: "refusal", reason: result.refusedReason, retryAfterMs: durationMs(result.retryAfter) };
    }
    const outcomes = result.outcomes.map(outcomeFromWire);
    const headSeq = Number(result.headSeq);
    const epoch = this.#epoch();
    const context = { epoch, headSeq, nowUs: clock.now(), deferralUs: DEFERRAL_MS * MICROS_PER_MS };
    const renamed = await replica.transact("remote", (tx) => {
      if (push.heals.length === 0) settleAnswers(tx, outcomes, context);
      // The base may be past the answered seq already, and hold nothing of a record that has no live head.
      if (phase.name === "following") releaseEditsUpTo(tx, epoch, phase.toldSeq ?? 0);
      const reused = push.heals.filter((_heal, index) => outcomes[index]?.rejection?.reason === "VERSION_REUSED");
      return reused.map((heal) => underOwnVersion(tx, heal, clock));
    });
    return { type: "answer", outcomes, headSeq, renamed };
  }

  /** The next edits to be pushed, frozen. */
  takeEdits(unanswered: readonly PushFootprint[]): Promise<readonly Edit[]> {
    const nowUs = this.#options.clock.now();
    return this.#options.replica.transact("local", (tx) => takePush(tx, { unanswered, nowUs }));
  }

  /** Puts the second replica in the place of the first. @returns undefined when something is left to be sent before. */
  async swap({ position, refused, ifDrained }: EffectOf<"swap">): Promise<SessionEvent | undefined> {
    const { replica, clock } = this.#options;
    const swapped = await replica.transact("remote", (tx) => {
      if (ifDrained && isSendable(tx)) return false;
      const old = replica.baseRecords();
      const staged = this.#staged;
      swapReplicas(tx, { old, staged, position: { ...position, epoch: this.#epoch() }, refused, clock });
      return true;
    });
    return swapped ? { type: "swapped" } : undefined;
  }

  /**
   * A clone goes on under a new id as soon as everything that it sent under the old one is answered and held: what is
   * answered may have to be sent again to a restored server, and then has to be its own still.
   * @returns undefined when it keeps its id so far.
   */
  async leaveName(): Promise<SessionEvent | undefined> {
    const { replica, random } = this.#options;
    if (!replica.meta.forked) return undefined;
    const left = await replica.transact("local", (tx) => {
      for (const { state } of tx.allEdits()) if (state.kind === "sent" || state.kind === "answered") return false;
      takeDeviceId(tx, forkedDeviceId(tx.meta.deviceId, random));
      return true;
    });
    return left ? { type: "ended", end: { kind: "forked", refused: false } } : undefined;
  }

  #epoch(): Epoch {
    return must(this.#log, "the server has said welcome").epoch;
  }
}

/** The token is for another household than the replica. */
export function otherHousehold(): SessionEnd {
  const error = new DomainError("failed-precondition", "the token is for another household than this replica", {
    reason: "HOUSEHOLD_CHANGED",
  });
  return { kind: "stopped", reason: "household-changed", error };
}
