import { create } from "@bufbuild/protobuf";
import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import {
  type ConflictInfo,
  type Hello,
  HelloSchema,
  PingSchema,
  PullAckSchema,
  type PushResult,
  PushSchema,
  TokenRefreshSchema,
  type Welcome,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { backoffDelayMs } from "@funkygibbon/kernel/backoff";
import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import type { Sha256 } from "@funkygibbon/kernel/content";
import { DomainError, internal } from "@funkygibbon/kernel/errors";
import { ROLES } from "@funkygibbon/kernel/identity";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { assertNever } from "@funkygibbon/kernel/must";
import type { LocalReplica } from "./local-replica.ts";
import { footprintOf, nextDeferralUs } from "./push-planning.ts";
import { durationMs, endOfError, endOfGoAway, type SessionEnd } from "./session-end.ts";
import { otherHousehold, SessionReplica } from "./session-replica.ts";
import {
  beginSession,
  type EffectOf,
  type SessionEffect,
  type SessionEvent,
  type SessionPlan,
  type SessionState,
} from "./session-state.ts";
import { stepSession } from "./session-step.ts";
import { SessionVitals } from "./session-vitals.ts";
import type { Observable, SyncState } from "./sync-state.ts";
import { type Surroundings, unlessAborted } from "./timers.ts";
import type { DeviceFrame, ServerFrame, Transport, TransportSession } from "./transport.ts";
import { editToWire, healToWire } from "./wire-mapping.ts";

/** What a session works with. */
export interface SyncSessionOptions extends Surroundings {
  readonly replica: LocalReplica;
  readonly transport: Transport;
  readonly plan: SessionPlan;
  /** Gives a valid token; asked at the start and again before it ends. */
  readonly token: () => Promise<string>;
  readonly sha256: Sha256;
  /** What this client calls itself. */
  readonly clientVersion: string;
  readonly state: Observable<SyncState>;
  readonly onConflicts: (conflicts: readonly ConflictInfo[]) => void;
  /** A conflict of the household has changed; undefined: several, and the inbox knows which. */
  readonly onConflictChanged: (conflict: ConflictRecord | undefined) => void;
  /** Somebody asks for a sync. */
  readonly onSyncRequested: (reason: string) => void;
}

const REST_BACKOFF = {
  race: { baseMs: 100, capMs: 5_000 },
  refusal: { baseMs: 1_000, capMs: 30_000 },
} as const;
/** As long as a session may be silent. Whatever it was then decided is answered when the push is sent again. */
const ANSWER_LIMIT_MS = 45_000;

/**
 * One session from hello to its end (docs/protocol.md, section 10). What is to be done is decided by {@link stepSession};
 * here it is done, and what came of it is told to that function.
 */
export class SyncSession {
  readonly #options: SyncSessionOptions;
  readonly #vitals: SessionVitals;
  readonly #replica: SessionReplica;
  #state: SessionState;
  #stream: TransportSession | undefined;
  readonly #closed = new AbortController();
  #nonce = 0n;
  /** The oldest unanswered push, whose answer is waited for. */
  #awaited: number | undefined;
  #cancelOverdue: () => void = () => undefined;
  #cancelRest: () => void = () => undefined;
  #cancelWake: () => void = () => undefined;

  constructor(options: SyncSessionOptions) {
    this.#options = options;
    this.#replica = new SessionReplica(options);
    this.#state = beginSession(options.plan, options.transport.pushWindow);
    this.#vitals = new SessionVitals({
      ...options,
      ping: () => this.#ping(),
      silent: () => {
        const error = this.#stream === undefined ? tokenless() : silence();
        this.#tell({ type: "ended", end: { kind: "lost", error, afterMs: 0 } });
      },
      refreshToken: () => this.#refreshToken(),
    });
  }

  /** Lives until the session ends or the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<SessionEnd> {
    const { state } = this.#options;
    const end = await this.#live(signal).catch(endOfError);
    await this.#take({ type: "ended", end });
    this.#vitals.stop();
    this.#cancelOverdue();
    this.#cancelRest();
    this.#cancelWake();
    const { phase } = this.#state;
    // What ended it first.
    const first = phase.name === "over" ? phase.end : end;
    if (first.kind === "digest-mismatch") state.update({ digestMismatches: state.value.digestMismatches + 1 });
    return first;
  }

  /** A hello was sent, perhaps, to which no welcome has come. */
  get isUnanswered(): boolean {
    return this.#stream !== undefined && this.#replica.log === undefined;
  }

  /** An edit was made. */
  wake(): void {
    this.#tell({ type: "wake" });
  }

  async #live(signal: AbortSignal): Promise<SessionEnd> {
    // The function is the app's, and may never answer.
    const token = await unlessAborted(this.#options.token(), AbortSignal.any([signal, this.#closed.signal]));
    const stream = this.#options.transport.open({ token, signal });
    this.#stream = stream;
    this.#vitals.watchToken(token);
    await this.#replica.prepare();
    await this.#send({ case: "hello", value: this.#hello() });
    for await (const frame of stream.frames) {
      if (this.#isOver()) break;
      this.#vitals.heard();
      await this.#receive(frame);
    }
    return { kind: "lost", error: undefined, afterMs: undefined };
  }

  #isOver(): boolean {
    return this.#state.phase.name === "over";
  }

  #hello(): Hello {
    const { replica, plan, clock, transport, clientVersion } = this.#options;
    const { deviceId, household, epoch, sessionKey, cursor, vectorClock } = replica.meta;
    return create(HelloSchema, {
      protocolVersion: PROTOCOL_VERSION,
      deviceId,
      householdId: household ?? "",
      epoch: this.#replica.isRenewed ? "" : (epoch ?? ""),
      sessionKey,
      cursor: plan.kind === "resume" ? cursor : "",
      vectorClock: plan.kind === "resume" ? vectorClock : {},
      deviceTimeUs: BigInt(clock.now()),
      metadata: { clientVersion, platform: transport.platform, syncReason: plan.kind },
    });
  }

  /** Frames that follow each other are taken in one after the other. */
  async #receive(received: ServerFrame): Promise<void> {
    await this.#takeWhatComes(await this.#takeIn(received));
  }

  /** Stores what a frame brings. @returns what the session then has to hear. */
  async #takeIn({ frame, householdId, epoch }: ServerFrame): Promise<SessionEvent | undefined> {
    const { onConflictChanged, onSyncRequested } = this.#options;
    if (frame.case === "goAway") return { type: "ended", end: endOfGoAway(frame.value) };
    if (frame.case === "welcome") return this.#welcomed(frame.value, { householdId, epoch });
    const { log } = this.#replica;
    if (log === undefined) throw internal(`the server said ${frame.case ?? "nothing"} before its welcome`);
    if (householdId !== "" && householdId !== log.household) return { type: "ended", end: otherHousehold() };
    if (epoch !== "" && epoch !== log.epoch) return { type: "ended", end: { kind: "epoch-changed" } };
    switch (frame.case) {
      case "changes":
        return this.#replica.page(frame.value, this.#state);
      case "upToDate":
        return this.#replica.upToDate(frame.value, this.#state);
      case "pushResult":
        return this.#answered(frame.value);
      case "conflictChanged":
        onConflictChanged(frame.value.conflict);
        return undefined;
      case "syncRequested":
        onSyncRequested(frame.value.reason);
        return undefined;
      default:
        // A pong, or a frame of a newer server: heard, and nothing more.
        return undefined;
    }
  }

  async #welcomed(welcome: Welcome, from: { readonly householdId: string; readonly epoch: string }) {
    const event = await this.#replica.welcome(welcome, from);
    if (event.type !== "welcome") return event;
    this.#vitals.setInterval(durationMs(welcome.heartbeatInterval) || 15_000);
    this.#options.state.update({
      role: ROLES.find((role) => role === welcome.role),
      pushRefused: welcome.role === "guest" ? "READ_ONLY_ROLE" : undefined,
    });
    return event;
  }

  async #answered(result: PushResult): Promise<SessionEvent> {
    // Before the answer counts: whoever waits until all is sent asks then which conflicts it has met.
    if (result.conflicts.length > 0) this.#options.onConflicts(result.conflicts);
    return this.#replica.answer(result, this.#state);
  }

  async #take(event: SessionEvent): Promise<void> {
    const { state, effects } = stepSession(this.#state, event);
    this.#state = state;
    this.#show();
    this.#watchAnswers();
    for (const effect of effects) {
      if (this.#isOver() && effect.type !== "close") continue;
      await this.#do(effect);
    }
  }

  /** A session may be alive in all but this: where pushes go by connections of their own, one of them may have died. */
  #watchAnswers(): void {
    const oldest = this.#state.unanswered[0]?.id;
    if (oldest === this.#awaited) return;
    this.#awaited = oldest;
    this.#cancelOverdue();
    if (oldest === undefined) return;
    const end: SessionEnd = { kind: "lost", error: unanswered(), afterMs: 0 };
    this.#cancelOverdue = this.#options.timers.after(ANSWER_LIMIT_MS, () => this.#tell({ type: "ended", end }));
  }

  /** As {@link #take}, where nobody waits for what follows. */
  #tell(event: SessionEvent): void {
    this.#take(event).catch((error: unknown) => this.#tell({ type: "ended", end: endOfError(error) }));
  }

  async #do(effect: SessionEffect): Promise<void> {
    switch (effect.type) {
      case "ack":
        return this.#send({ case: "ack", value: create(PullAckSchema, effect) });
      case "leave-name":
        return this.#takeWhatComes(await this.#replica.leaveName());
      case "take-edits":
        return this.#meanwhile(() => this.#sendEdits(effect));
      case "send-heal":
        return this.#meanwhile(() => this.#sendHeal(effect));
      case "swap":
        return this.#takeWhatComes(await this.#replica.swap(effect));
      case "rest":
        return this.#rest(effect);
      case "refuse-pushes":
        return this.#options.state.update({ pushRefused: effect.reason });
      case "close":
        this.#closed.abort();
        return this.#stream?.close();
      default:
        return assertNever(effect, "session effect");
    }
  }

  /** Frames are read on while a push waits for the transport: the server may be waiting for that. */
  #meanwhile(work: () => Promise<void>): void {
    work().catch((error: unknown) => this.#tell({ type: "ended", end: endOfError(error) }));
  }

  async #takeWhatComes(event: SessionEvent | undefined): Promise<void> {
    if (event !== undefined) await this.#take(event);
  }

  async #sendEdits({ unanswered }: EffectOf<"take-edits">): Promise<void> {
    const edits = await this.#replica.takeEdits(unanswered);
    if (edits.length === 0) {
      this.#wakeForDeferred();
      return this.#take({ type: "taken", footprint: undefined });
    }
    await this.#take({ type: "taken", footprint: footprintOf(edits) });
    await this.#sendPush("push", this.#state.lastPushId, edits.map(editToWire));
  }

  #sendHeal({ id, heals }: EffectOf<"send-heal">): Promise<void> {
    return this.#sendPush("heal", id, heals.map(healToWire));
  }

  async #sendPush(kind: "push" | "heal", id: number, changes: ReturnType<typeof editToWire>[]): Promise<void> {
    const { log } = this.#replica;
    if (this.#isOver() || log === undefined) return;
    const { household, epoch } = log;
    const deviceTimeUs = BigInt(this.#options.clock.now());
    const value = create(PushSchema, { pushId: BigInt(id), householdId: household, epoch, deviceTimeUs, changes });
    await this.#send({ case: kind, value });
    await this.#take({ type: "handed" });
  }

  #wakeForDeferred(): void {
    const { replica, clock, timers } = this.#options;
    const nowUs = clock.now();
    const nextUs = nextDeferralUs(replica.pendingEdits(), nowUs);
    if (nextUs === undefined) return;
    this.#cancelWake();
    this.#cancelWake = timers.after((nextUs - nowUs) / MICROS_PER_MS, () => this.wake());
  }

  #rest({ cause, askedMs, troubles }: EffectOf<"rest">): void {
    const { timers, random } = this.#options;
    this.#cancelRest();
    const delayMs = askedMs + backoffDelayMs(troubles, REST_BACKOFF[cause], random);
    this.#cancelRest = timers.after(delayMs, () => this.#tell({ type: "rested" }));
  }

  /** What the user may know of it. */
  #show(): void {
    const { state } = this.#options;
    const { phase, headSeq } = this.#state;
    switch (phase.name) {
      case "greeting":
        return;
      case "following":
        if (phase.toldSeq === undefined) state.update({ phase: "catching-up", headSeq });
        else state.update({ phase: "live", headSeq, upToDateSeq: phase.toldSeq, error: undefined });
        return;
      case "staging":
        state.update({ phase: "healing", headSeq });
        return;
      case "healing":
      case "rejoining":
        state.update({ phase: "healing", headSeq, upToDateSeq: phase.position.headSeq });
        return;
      case "over":
        return;
      default:
        assertNever(phase, "session phase");
    }
  }

  #ping(): void {
    this.#nonce += 1n;
    const ping = create(PingSchema, { nonce: this.#nonce, deviceTimeUs: BigInt(this.#options.clock.now()) });
    void this.#send({ case: "ping", value: ping });
  }

  async #refreshToken(): Promise<string> {
    const token = await this.#options.token();
    await this.#send({ case: "token", value: create(TokenRefreshSchema, { token }) });
    return token;
  }

  async #send(frame: DeviceFrame): Promise<void> {
    this.#vitals.sent();
    await this.#stream?.send(frame);
  }
}

function tokenless(): DomainError {
  return new DomainError("unavailable", "the app gives no token", { reason: "TOKEN_OVERDUE" });
}

function silence(): DomainError {
  return new DomainError("unavailable", "the server fell silent", { reason: "SILENT" });
}

function unanswered(): DomainError {
  return new DomainError("unavailable", "the server does not answer a push", { reason: "UNANSWERED" });
}
