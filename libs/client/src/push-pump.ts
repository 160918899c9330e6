import { create } from "@bufbuild/protobuf";
import { type PushResult, PushSchema } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { backoffDelayMs } from "@funkygibbon/kernel/backoff";
import { MICROS_PER_MS, type Micros } from "@funkygibbon/kernel/clock";
import { internal } from "@funkygibbon/kernel/errors";
import type { Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import { outcomeFromWire } from "@funkygibbon/wire/change";
import { settleAnswers } from "./answers.ts";
import { underOwnVersion } from "./healing.ts";
import type { LocalReplica } from "./local-replica.ts";
import { footprintOf, type PushFootprint, takePush } from "./push-planning.ts";
import type { BaseRecord } from "./replica-record.ts";
import type { Surroundings } from "./timers.ts";
import type { DeviceFrame } from "./transport.ts";
import { editToWire, healToWire } from "./wire-mapping.ts";

interface UnansweredPush {
  readonly id: bigint;
  readonly footprint: PushFootprint;
  /** Empty for ordinary pushes. */
  readonly heals: readonly BaseRecord[];
}

/** What a pump works with. */
export interface PushPumpOptions extends Surroundings {
  readonly replica: LocalReplica;
  readonly household: HouseholdId;
  readonly epoch: Epoch;
  readonly window: 1 | 2;
  readonly send: (frame: DeviceFrame) => Promise<void>;
  /** The server refuses pushes for good, for this reason. */
  readonly onRefused: (reason: string) => void;
  /** The store has failed. */
  readonly onFailure: (error: unknown) => void;
}

const RETRY_BACKOFF = { baseMs: 100, capMs: 5_000 };
const REFUSAL_BACKOFF = { baseMs: 1_000, capMs: 30_000 };
const DEFERRAL_MS = 5_000;
/** Refusals of a whole push that repeating does not change. */
const FINAL_REFUSALS = new Set(["PERMISSION_DENIED", "READ_ONLY_ROLE", "UNAUTHENTICATED", "INVALID_FIELD"]);

/** Sends edits and heals over one session, keeps to the window, and takes the answers. */
export class PushPump {
  readonly #options: PushPumpOptions;
  #unanswered: UnansweredPush[] = [];
  #heals: (readonly BaseRecord[])[] = [];
  readonly #rejectedHeals: BaseRecord[] = [];
  #lastId = 0n;
  #running = false;
  #again = false;
  #closed = false;
  #paused = true;
  #holdUntilMs = 0;
  #troubles = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(options: PushPumpOptions) {
    this.#options = options;
  }

  /** Everything that could be sent is answered. Deferred edits do not count; refused pushes end the sending. */
  get drained(): boolean {
    if (this.#closed) return true;
    if (this.#unanswered.length > 0 || this.#heals.length > 0) return false;
    const { replica } = this.#options;
    for (const { state } of replica.pendingEdits()) {
      const waits = state.kind === "deferred" || (state.kind === "unsent" && replica.meta.forked);
      if (!waits) return false;
    }
    return true;
  }

  /** Whether no push is under way. */
  get idle(): boolean {
    return this.#unanswered.length === 0;
  }

  /** Whether every heal was answered. */
  get healed(): boolean {
    return this.#heals.length === 0 && !this.#unanswered.some((push) => push.heals.length > 0);
  }

  /** Heals that the server did not want; their content must not get lost. */
  get rejectedHeals(): readonly BaseRecord[] {
    return this.#rejectedHeals;
  }

  /** Lets edits flow. Until then only heals do. */
  resume(): void {
    this.#paused = false;
    this.wake();
  }

  /** Queues records to bring back, before any edit is sent. */
  heal(pushes: Iterable<readonly BaseRecord[]>): void {
    this.#heals.push(...pushes);
    this.wake();
  }

  /** Something may be there to be sent. */
  wake(): void {
    if (this.#closed) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#run()
      .catch((error: unknown) => this.#options.onFailure(error))
      .finally(() => {
        this.#running = false;
        if (this.#again) {
          this.#again = false;
          this.wake();
        }
      });
  }

  /** Sends nothing any more. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer();
  }

  /** Takes the answer to the oldest unanswered push. @throws DomainError `internal` when it answers another one. */
  async answered(result: PushResult): Promise<void> {
    const push = this.#unanswered[0];
    if (push === undefined || push.id !== result.pushId) throw internal(`the server answered push ${result.pushId}`);
    const outcomes = result.outcomes.map(outcomeFromWire);
    if (result.refusedReason === "") await this.#settle(push, outcomes, Number(result.headSeq));
    this.#unanswered = this.#unanswered.slice(1);
    if (result.refusedReason !== "") this.#refused(push, result);
    else this.#committed(outcomes);
    this.wake();
  }

  async #settle(push: UnansweredPush, outcomes: readonly ChangeOutcome[], headSeq: number): Promise<void> {
    if (push.heals.length > 0) return this.#settleHeals(push.heals, outcomes);
    const { clock, replica, epoch } = this.#options;
    const context = { epoch, headSeq, nowUs: clock.now(), deferralUs: DEFERRAL_MS * MICROS_PER_MS };
    await replica.transact("remote", (tx) => settleAnswers(tx, outcomes, context));
  }

  /** Ends may come later than their edges, so unfinished heals go round again behind the others. */
  async #settleHeals(heals: readonly BaseRecord[], outcomes: readonly ChangeOutcome[]): Promise<void> {
    const again: BaseRecord[] = [];
    const reused: BaseRecord[] = [];
    heals.forEach((heal, index) => {
      const { outcome, rejection } = outcomes[index] ?? {};
      if (outcome === "rejected") (rejection?.reason === "VERSION_REUSED" ? reused : this.#rejectedHeals).push(heal);
      if (outcome === "retry" || outcome === "deferred") again.push(heal);
    });
    const stuck = again.length === heals.length && this.#heals.length === 0 && this.#troubles > 5;
    if (stuck) this.#rejectedHeals.push(...again);
    else if (again.length > 0) this.#heals.push(again);
    if (reused.length === 0) return;
    const { replica, clock } = this.#options;
    const anew = await replica.transact("local", (tx) => reused.map((heal) => underOwnVersion(tx, heal, clock)));
    this.#heals.push(anew);
  }

  #committed(outcomes: readonly ChangeOutcome[]): void {
    const racing = outcomes.some(({ outcome }) => outcome === "retry");
    const waiting = this.#heals.length > 0 && outcomes.every(({ outcome }) => outcome === "deferred");
    if (racing || waiting) this.#hold(backoffDelayMs(this.#troubles++, RETRY_BACKOFF, this.#options.random));
    else this.#troubles = 0;
  }

  #refused(push: UnansweredPush, result: PushResult): void {
    if (push.heals.length > 0) this.#heals.unshift(push.heals);
    if (result.retryAfter === undefined && FINAL_REFUSALS.has(result.refusedReason)) {
      this.close();
      this.#options.onRefused(result.refusedReason);
      return;
    }
    const asked = Number(result.retryAfter?.seconds ?? 0n) * 1_000 + (result.retryAfter?.nanos ?? 0) / 1e6;
    this.#hold(asked + backoffDelayMs(this.#troubles++, REFUSAL_BACKOFF, this.#options.random));
  }

  #hold(delayMs: number): void {
    this.#holdUntilMs = this.#nowMs() + delayMs;
  }

  async #run(): Promise<void> {
    for (;;) {
      if (this.#closed || this.#waits()) return;
      const next = this.#heals.length > 0 ? this.#takeHeal() : await this.#takeEdits();
      if (next === undefined || this.#closed) return;
      await this.#options.send(next);
    }
  }

  /** Whether the window is full or a pause is asked for; a timer then wakes the pump. */
  #waits(): boolean {
    const healing = this.#heals.length > 0 || this.#unanswered.some((push) => push.heals.length > 0);
    if (this.#unanswered.length >= (healing ? 1 : this.#options.window)) return true;
    if (!healing && this.#paused) return true;
    const delayMs = this.#holdUntilMs - this.#nowMs();
    if (delayMs > 0) this.#wakeAfter(delayMs);
    return delayMs > 0;
  }

  #takeHeal(): DeviceFrame | undefined {
    const heals = this.#heals.shift();
    if (heals === undefined) return undefined;
    return { case: "heal", value: this.#push(heals.map(healToWire), footprintOf(heals), heals) };
  }

  async #takeEdits(): Promise<DeviceFrame | undefined> {
    const { replica, clock } = this.#options;
    const unanswered = this.#unanswered.map((push) => push.footprint);
    const nowUs = clock.now();
    const edits = await replica.transact("local", (tx) => takePush(tx, { unanswered, nowUs }));
    if (edits.length === 0) {
      this.#wakeForDeferred(nowUs);
      return undefined;
    }
    return { case: "push", value: this.#push(edits.map(editToWire), footprintOf(edits), []) };
  }

  #push(changes: ReturnType<typeof editToWire>[], footprint: PushFootprint, heals: readonly BaseRecord[]) {
    const { household, epoch, clock } = this.#options;
    this.#lastId += 1n;
    this.#unanswered = [...this.#unanswered, { id: this.#lastId, footprint, heals }];
    return create(PushSchema, {
      pushId: this.#lastId,
      householdId: household,
      epoch,
      deviceTimeUs: BigInt(clock.now()),
      changes,
    });
  }

  /** One whose time has come already waits for something else: for an answer, or for a deferred one before it. */
  #wakeForDeferred(nowUs: Micros): void {
    let nextUs = Number.POSITIVE_INFINITY;
    for (const { state } of this.#options.replica.pendingEdits()) {
      if (state.kind === "deferred" && state.nextAtUs > nowUs) nextUs = Math.min(nextUs, state.nextAtUs);
    }
    if (Number.isFinite(nextUs)) this.#wakeAfter(Math.max(0, nextUs / MICROS_PER_MS - this.#nowMs()));
  }

  #wakeAfter(delayMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.timers.after(delayMs, () => this.wake());
  }

  #nowMs(): number {
    return this.#options.clock.now() / MICROS_PER_MS;
  }
}
