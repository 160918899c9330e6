import { DomainError, invalid } from "@funkygibbon/kernel/errors";
import type { DeviceId, Epoch } from "@funkygibbon/kernel/ids";
import { assertNever } from "@funkygibbon/kernel/must";
import type { Encoded } from "@funkygibbon/rpc/encoded";
import type { GoAwayReason } from "../domain/go-away.ts";
import type { LogPage } from "../domain/log-page.ts";
import { OwnVersions } from "../domain/own-versions.ts";
import type { FeedListener, HouseholdFeed, SessionRef, SettledLog, ToldConflict } from "../domain/ports.ts";
import {
  beginSession,
  MAX_OPEN_PUSHES,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
} from "../domain/session-state.ts";
import { stepSession } from "../domain/session-step.ts";
import { atMost } from "./at-most.ts";
import { DurableCursor } from "./durable-cursor.ts";
import type { SessionKind } from "./frames.ts";
import type { Admission } from "./opening.ts";
import { SessionPull } from "./session-pull.ts";
import { type FrameSink, SessionVoice } from "./session-voice.ts";
import type { RunningSession } from "./sessions.ts";
import type { Caller, SyncParts } from "./sync-parts.ts";

/** What commits and answers pushes for a session. Subscribe sessions have none. */
export interface PushRunner {
  commit(id: number): void;
  answer(id: number): void;
}

/** What a live session begins with. */
export interface LiveSessionOptions {
  readonly kind: SessionKind;
  readonly ref: SessionRef;
  readonly admission: Admission;
  readonly caller: Caller;
  readonly sink: FrameSink;
  readonly parts: SyncParts;
}

const LEASE_RENEWAL_US = 10_000_000;
const LISTENING_MS = 250;
/** What a session still has to say or to store when it ends is not waited for longer than this. */
const FAREWELL_MS = 1_000;

/**
 * Runs one session: feeds what happens to the state machine and does what that asks for. Holds a cursor and at most one
 * page, never a queue; pages are the household's.
 */
export class LiveSession implements RunningSession, FeedListener {
  readonly ref: SessionRef;
  /** Versions that were answered on this session as heads. */
  readonly ownVersions = new OwnVersions();
  readonly voice: SessionVoice;
  /** Resolves when the session is over and cleaned up; rejects when the device broke the protocol or we failed. */
  readonly ended: Promise<void>;
  readonly #options: LiveSessionOptions;
  readonly #feed: HouseholdFeed;
  readonly #pull: SessionPull;
  readonly #cursor: DurableCursor;
  readonly #end: PromiseWithResolvers<void>;
  readonly #events: SessionEvent[] = [];
  #stepping = false;
  #state: SessionState;
  #wakeTimer: NodeJS.Timeout | undefined;
  #pushes: PushRunner | undefined;
  #slotFreed: (() => void) | undefined;
  #leaseRenewedUs: number;
  #started = false;
  #closed = false;

  constructor(options: LiveSessionOptions) {
    const { kind, ref, admission, caller, sink, parts } = options;
    const { ground, clock, from } = admission;
    const { tombstonesAboveSeq } = from;
    this.#options = options;
    this.ref = ref;
    this.#end = Promise.withResolvers<void>();
    this.ended = this.#end.promise;
    this.ended.catch(() => {});
    this.#cursor = new DurableCursor(parts, ref, { seq: from.seq, epoch: ground.epoch });
    this.voice = new SessionVoice({ kind, sink, parts, ground, tombstonesAboveSeq, onGone: () => this.abandon() });
    this.#feed = parts.feeds.join(ground.household, clock, this);
    this.#pull = new SessionPull({
      feed: this.#feed,
      voice: this.voice,
      telemetry: parts.telemetry,
      device: ref,
      ownVersions: this.ownVersions,
      tombstonesAboveSeq,
      clock,
    });
    const nowUs = parts.clock.now();
    this.#leaseRenewedUs = nowUs;
    this.#state = beginSession({
      pacing: kind === "stream" ? "credit" : "transport",
      cursorSeq: from.seq,
      snapshotSeq: from.snapshotSeq,
      headSeq: this.#feed.headSeq,
      nowUs,
      tokenEndsUs: caller.identity.expiresAt,
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Resolves when the session hears what other replicas say to its device; not much later if they cannot be heard. */
  listening(): Promise<void> {
    return atMost(LISTENING_MS, this.#feed.listening);
  }

  /** The welcome has been sent: begins to pull, and to have pushes committed by `pushes`. */
  start(pushes?: PushRunner): void {
    // It may be over before it has begun, when the log was renewed meanwhile.
    if (this.#closed) return;
    const { kind, parts } = this.#options;
    this.#started = true;
    this.#pushes = pushes;
    parts.sessions.add(this);
    parts.telemetry.sessionOpened(kind);
    const nowUs = parts.clock.now();
    void parts.presence.arrived(this.ref, nowUs);
    parts.announcements.presence(this.ref, true, nowUs);
    if (this.#feed.epoch !== this.voice.ground.epoch) this.onEpochChanged(this.#feed.epoch);
    this.onAdvance(this.#feed.headSeq);
    this.dispatch({ type: "heard" });
  }

  /** Something has happened. Events that come while one is worked on wait for their turn. */
  dispatch(event: SessionEvent): void {
    if (this.#closed) return;
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { state, effects } = stepSession(this.#state, next, this.#options.parts.clock.now());
        this.#state = state;
        for (const effect of effects) this.#run(effect);
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.#stepping = false;
      if (this.#state.pushes.length < MAX_OPEN_PUSHES) this.#freeSlot();
    }
  }

  /** Resolves when one more push may be taken in, or the session is over: a device that floods is not read from. */
  async pushSlot(): Promise<void> {
    while (!this.#closed && this.#state.pushes.length >= MAX_OPEN_PUSHES) {
      await new Promise<void>((resolve) => {
        this.#slotFreed = resolve;
      });
    }
  }

  /** Sends a frame of a push's answer. */
  send(frame: Encoded): Promise<void> {
    return this.#options.sink.send(frame);
  }

  leave(reason: GoAwayReason): void {
    this.dispatch({ type: "leave", reason });
  }

  /** The log has moved by a commit of this session. */
  hint(headSeq: number): void {
    this.#feed.hint(headSeq);
  }

  /** A commit of this session has written this page. */
  wrote(page: LogPage): void {
    this.#feed.wrote(page);
  }

  /** Ends the session with an error. */
  fail(error: unknown): void {
    if (this.#closed) return;
    const reason = error instanceof DomainError ? error.reason : "INTERNAL";
    void this.#close(reason).then(() => this.#end.reject(error));
  }

  /** The device is gone: nothing can be said any more. */
  abandon(): void {
    if (this.#closed) return;
    void this.#close("gone").then(() => this.#end.resolve());
  }

  tick(): void {
    this.dispatch({ type: "tick" });
    if (this.#closed) return;
    const { clock, leases } = this.#options.parts;
    const nowUs = clock.now();
    void this.#cursor.writeIfDue(this.#state.ackedSeq, nowUs);
    if (nowUs - this.#leaseRenewedUs < LEASE_RENEWAL_US) return;
    this.#leaseRenewedUs = nowUs;
    void leases.renew(this.ref).then((held) => {
      if (!held) this.supersede();
    });
  }

  supersede(): void {
    this.leave("superseded");
  }

  forget(): void {
    this.leave("forgotten");
  }

  requestSync(reason: string): void {
    if (!this.#closed) this.voice.syncRequested(reason);
  }

  /** Nothing is read before the welcome, or it would be said before the welcome; `start` makes up for it. */
  onAdvance(headSeq: number): void {
    if (!this.#started) return;
    const news = this.#feed.news(this.#state.readSeq, this.ref.device);
    this.dispatch({ type: "log-advanced", headSeq, news });
  }

  onSettled(log: SettledLog): void {
    if (!this.#started) return;
    this.#pull.settled(log);
    this.dispatch({ type: "settled", headSeq: log.clock.position.headSeq });
  }

  onEpochChanged(epoch: Epoch): void {
    this.voice.logRenewed(epoch);
    this.leave("epoch-changed");
  }

  onSyncRequested(device: DeviceId | undefined, reason: string): void {
    if (device === undefined || device === this.ref.device) this.requestSync(reason);
  }

  onSuperseded(device: DeviceId, session: string): void {
    if (device === this.ref.device && session > this.ref.session) this.supersede();
  }

  onForgotten(device: DeviceId): void {
    if (device === this.ref.device) this.forget();
  }

  /** Before the welcome nothing is said; whoever has just come looks into the inbox. */
  onConflictChanged(conflict: ToldConflict): void {
    if (this.#started && !this.#closed) this.voice.conflictChanged(conflict);
  }

  #run(effect: SessionEffect): void {
    switch (effect.type) {
      case "read":
        void this.#read(effect.afterSeq);
        break;
      case "send-page": {
        const { headSeq, snapshotSeq } = this.#state;
        this.#pull.send({ ...effect, headSeq, snapshotSeq }).then(
          () => this.dispatch({ type: "frame-taken" }),
          () => this.abandon(),
        );
        break;
      }
      case "tell-up-to-date":
        this.#pull.tellUpToDate(this.#state.toldSeq);
        break;
      case "commit":
        this.#pushes?.commit(effect.id);
        break;
      case "answer":
        this.#pushes?.answer(effect.id);
        break;
      case "acknowledged":
        // Made durable about once a second, and at the end.
        break;
      case "heartbeat":
        this.voice.pong(0n);
        break;
      case "wake":
        this.#wake(effect.atUs);
        break;
      case "close":
        this.#sayGoodBye(effect.reason);
        break;
      case "fail":
        this.fail(invalid([{ field: effect.field, description: effect.description }], "PROTOCOL_VIOLATION"));
        break;
      default:
        assertNever(effect, "session effect");
    }
  }

  async #read(afterSeq: number): Promise<void> {
    try {
      this.dispatch({ type: "page-read", page: await this.#pull.read(afterSeq) });
    } catch (error) {
      this.#options.parts.log.debug({ err: error, ...this.ref }, "session.read-failed");
      this.dispatch({ type: "read-failed" });
    }
  }

  #wake(atUs: number): void {
    if (this.#wakeTimer !== undefined) return;
    const waitMs = Math.max(1, Math.ceil((atUs - this.#options.parts.clock.now()) / 1_000));
    this.#wakeTimer = setTimeout(() => {
      this.#wakeTimer = undefined;
      this.dispatch({ type: "tick" });
    }, waitMs).unref();
  }

  #sayGoodBye(reason: GoAwayReason | undefined): void {
    const said = reason === undefined ? Promise.resolve() : this.voice.goAway(reason);
    void Promise.all([atMost(FAREWELL_MS, said), this.#close(reason ?? "ended")]).then(() => this.#end.resolve());
  }

  /** Lets go of everything. Never rejects. */
  async #close(reason: string): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#wakeTimer);
    this.#pull.close();
    this.#feed.leave(this);
    this.#freeSlot();
    const { kind, parts } = this.#options;
    const farewells = reason === "superseded" ? [] : [parts.leases.release(this.ref)];
    if (this.#started) {
      parts.sessions.remove(this);
      parts.telemetry.sessionClosed(kind, reason);
      const nowUs = parts.clock.now();
      farewells.push(this.#cursor.write(this.#state.ackedSeq, nowUs), parts.presence.left(this.ref, nowUs));
      if (reason !== "superseded") parts.announcements.presence(this.ref, false, nowUs);
    }
    await atMost(FAREWELL_MS, Promise.all(farewells));
  }

  #freeSlot(): void {
    this.#slotFreed?.();
    this.#slotFreed = undefined;
  }
}
