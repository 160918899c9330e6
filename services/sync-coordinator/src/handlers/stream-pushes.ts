import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { Push } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Micros } from "@funkygibbon/kernel/clock";
import { DomainError, unavailable } from "@funkygibbon/kernel/errors";
import { parseEpoch } from "@funkygibbon/kernel/ids";
import type { ClockOffset } from "../domain/clock-offset.ts";
import type { Allowance } from "../domain/ports.ts";
import {
  requireBelonging,
  requireBoundedPush,
  requireEpoch,
  requireHealExactly,
  requireHousehold,
  requireWritingRole,
} from "../domain/push-rules.ts";
import { footprintOf } from "../domain/pushed-change.ts";
import { duration, rateLimitOnWire, type StreamFrame, streamFrame } from "./frames.ts";
import type { LiveSession, PushRunner } from "./live-session.ts";
import { requireAllowance } from "./opening.ts";
import { ownSequences, refusal, type SettledPush, settlePush } from "./push-settlement.ts";
import type { Caller, SyncParts } from "./sync-parts.ts";

interface TakenPush {
  readonly push: Push;
  readonly receivedUs: Micros;
  /** The push before it, if that was unanswered when it came. */
  readonly after: number | undefined;
  /** What to answer, once that is known. */
  result?: StreamFrame;
  /** Sequences whose versions are heads: from the answer on, they come back as stamps. */
  own: readonly number[];
}

/** The pushes of one stream: checked, committed, answered. Their order is the state machine's affair. */
export class StreamPushes implements PushRunner {
  readonly #session: LiveSession;
  readonly #parts: SyncParts;
  readonly #taken = new Map<number, TakenPush>();
  /** The last push of which something is to be sent again. */
  #unfinished: { readonly id: number; readonly retryAfterMs: number } | undefined;
  #caller: Caller;
  readonly #clockOffset: ClockOffset;

  constructor(
    session: LiveSession,
    parts: SyncParts,
    start: { readonly caller: Caller; readonly clockOffset: ClockOffset },
  ) {
    this.#session = session;
    this.#parts = parts;
    this.#caller = start.caller;
    this.#clockOffset = start.clockOffset;
  }

  /** A fresh token has come. */
  set caller(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Takes a push in.
   * @throws what is wrong with it as a whole; `failed-precondition` when it belongs elsewhere.
   */
  take(kind: "push" | "heal", push: Push): void {
    const receivedUs = this.#parts.clock.now();
    const { household, epoch } = this.#session.voice.ground;
    requireWritingRole(this.#caller.identity);
    requireBelonging({ household: push.householdId, epoch: push.epoch }, `${kind}.`);
    requireHousehold(push.householdId, household);
    requireEpoch(push.epoch, epoch);
    requireBoundedPush(push.changes, `${kind}.changes`);
    requireHealExactly(kind, push.changes);
    this.#clockOffset.read(Number(push.deviceTimeUs), receivedUs);
    const id = Number(push.pushId);
    const after = [...this.#taken.keys()].at(-1);
    this.#taken.set(id, { push, receivedUs, after, own: [] });
    this.#session.dispatch({ type: "push", id, footprint: footprintOf(push.changes) });
  }

  commit(id: number): void {
    const taken = this.#taken.get(id);
    if (taken === undefined) return;
    this.#commit(taken).then(
      () => this.#session.dispatch({ type: "push-settled", id }),
      (error: unknown) => this.#giveUp(error),
    );
  }

  answer(id: number): void {
    const taken = this.#taken.get(id);
    this.#taken.delete(id);
    if (taken?.result === undefined) return;
    for (const sequence of taken.own) this.#session.ownVersions.add(sequence);
    this.#session.send(streamFrame(this.#session.voice.ground, taken.result)).then(
      () => this.#session.dispatch({ type: "answer-taken", id }),
      () => this.#session.abandon(),
    );
  }

  async #commit(taken: TakenPush): Promise<void> {
    const { push, receivedUs } = taken;
    const { pushId, changes } = push;
    const allowance = await this.#parts.rateLimits.spend(this.#session.ref, changes.length);
    try {
      requireAllowance(allowance);
      this.#requireOrder(taken);
      const settled = await settlePush(
        {
          from: this.#session.ref,
          epoch: this.#session.voice.ground.epoch,
          credentials: this.#caller.credentials,
          changes,
          receivedUs,
          clockOffsetUs: this.#clockOffset.us,
        },
        this.#parts,
        (page) => this.#session.wrote(page),
      );
      if (settled.outcomes.some(({ outcome }) => outcome === Outcome.RETRY)) this.#leaveUnfinished(push, settled);
      taken.own = ownSequences(changes, settled.outcomes);
      if (!settled.toldWhole) this.#session.hint(settled.position.headSeq);
      taken.result = { case: "pushResult", value: resultOf(pushId, settled, allowance) };
    } catch (error) {
      const refused = refusal(error);
      if (refused === undefined) throw error;
      this.#leaveUnfinished(push, refused);
      this.#parts.telemetry.pushRefused(refused.reason);
      const value = {
        pushId,
        refusedReason: refused.reason,
        retryAfter: duration(jittered(refused.retryAfterMs, this.#parts.random)),
        rateLimit: rateLimitOnWire(allowance),
      };
      taken.result = { case: "pushResult", value };
    }
  }

  #leaveUnfinished({ pushId }: Push, { retryAfterMs = 0 }: { readonly retryAfterMs: number | undefined }): void {
    this.#unfinished = { id: Number(pushId), retryAfterMs };
  }

  /**
   * What has waited for another push must not get ahead of what is to be sent again of that.
   * @throws DomainError `unavailable`.
   */
  #requireOrder({ after }: TakenPush): void {
    if (after === undefined || this.#unfinished?.id !== after) return;
    const { retryAfterMs } = this.#unfinished;
    throw unavailable("the push before this one is to be sent again", { retryAfterMs });
  }

  /** Not an answer to the push, but the end of the session. */
  #giveUp(error: unknown): void {
    const { reason, details } = error instanceof DomainError ? error : { reason: undefined, details: undefined };
    if (reason === "EPOCH_CHANGED" && details?.epoch !== undefined)
      this.#session.onEpochChanged(parseEpoch(details.epoch));
    else if (reason === "EPOCH_CHANGED") this.#session.leave("epoch-changed");
    else if (reason === "TOKEN_EXPIRED") this.#session.leave("token-expired");
    else this.#session.fail(error);
  }
}

function resultOf(pushId: bigint, settled: SettledPush, allowance: Allowance) {
  return {
    pushId,
    outcomes: [...settled.outcomes],
    conflicts: [...settled.conflicts],
    syncStatus: settled.status,
    headSeq: BigInt(settled.position.headSeq),
    rateLimit: rateLimitOnWire(allowance),
    ...(settled.retryAfterMs === undefined ? {} : { retryAfter: duration(settled.retryAfterMs) }),
  };
}

/** Somewhat longer than asked, so that those who were refused together do not come back together. */
function jittered(ms: number, random: () => number): number {
  return Math.ceil(ms * (1 + random() / 2));
}
