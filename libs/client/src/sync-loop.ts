import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { ConflictInfo } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { backoffDelayMs } from "@funkygibbon/kernel/backoff";
import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import type { Sha256 } from "@funkygibbon/kernel/content";
import type { DomainError } from "@funkygibbon/kernel/errors";
import { assertNever } from "@funkygibbon/kernel/must";
import { forkedDeviceId, takeDeviceId } from "./edit-queue.ts";
import type { LocalReplica } from "./local-replica.ts";
import type { SessionEnd } from "./session-end.ts";
import type { SessionPlan } from "./session-state.ts";
import { SyncSession } from "./sync-session.ts";
import type { Observable, StopReason, SyncState } from "./sync-state.ts";
import { pause, type Surroundings } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** What keeps a client in contact. */
export interface SyncLoopOptions extends Surroundings {
  readonly replica: LocalReplica;
  readonly transport: Transport;
  readonly token: () => Promise<string>;
  readonly sha256: Sha256;
  readonly clientVersion: string;
  readonly state: Observable<SyncState>;
  readonly onConflicts: (conflicts: readonly ConflictInfo[]) => void;
  readonly onConflictChanged: (conflict: ConflictRecord | undefined) => void;
}

const RECONNECT_BACKOFF = { baseMs: 500, capMs: 30_000 };
const RESUME: SessionPlan = { kind: "resume" };
/** A hello that nobody waits for any more may still be read for this long. */
const LATE_HELLO_US = 60_000_000;

/** Opens sessions one after the other, as the end of each demands, until told to stop or until somebody has to decide. */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  #stop: AbortController | undefined;
  #done: Promise<void> = Promise.resolve();
  #session: SyncSession | undefined;
  #skipPause = new AbortController();
  #plan: SessionPlan = RESUME;
  /** Attempts since the client was last up to date. */
  #attempts = 0;
  /** When a hello was last given up before its welcome had come. */
  #gaveUpHelloUs = Number.NEGATIVE_INFINITY;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
  }

  /** Connects, and stays connected. Does nothing while it already tries. */
  start(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#attempts = 0;
    this.#done = this.#done.then(() => this.#run(stop));
  }

  /** Ends the session and does not come back. Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    this.#stop = undefined;
    await this.#done;
    this.#options.state.update({ phase: "offline", retryAtMs: undefined });
  }

  /** Tries at once instead of waiting on, for example because the network is back. */
  hurry(): void {
    this.#skipPause.abort();
  }

  /** An edit was made. */
  wake(): void {
    this.#session?.wake();
  }

  async #run(stop: AbortController): Promise<void> {
    while (!stop.signal.aborted) {
      const end = await this.#oneSession(stop.signal);
      if (stop.signal.aborted) return;
      const delayMs = await this.#next(end);
      if (delayMs === undefined) {
        if (this.#stop === stop) this.#stop = undefined;
        return;
      }
      if (delayMs > 0) await this.#wait(delayMs, stop.signal);
    }
  }

  async #oneSession(signal: AbortSignal): Promise<SessionEnd> {
    const { state } = this.#options;
    state.update({ phase: "connecting", retryAtMs: undefined, stopReason: undefined });
    const session = new SyncSession({ ...this.#options, plan: this.#plan, onSyncRequested: () => session.wake() });
    this.#session = session;
    const stopWatching = state.subscribe((now) => {
      if (now.phase !== "live") return;
      this.#attempts = 0;
      this.#plan = RESUME;
    });
    const end = await session.run(signal);
    stopWatching();
    this.#session = undefined;
    if (session.isUnanswered) this.#gaveUpHelloUs = this.#options.clock.now();
    return end;
  }

  /** What to do now. @returns how long to wait first; undefined: stop. */
  async #next(end: SessionEnd): Promise<number | undefined> {
    switch (end.kind) {
      case "lost":
        this.#show(end.error);
        return Math.max(end.afterMs ?? 0, this.#backoff());
      case "token-expired":
        return this.#attempts++ === 0 ? 0 : this.#backoff();
      case "epoch-changed":
        this.#plan = { kind: "fresh-base", heal: true };
        return this.#attempts++ === 0 ? 0 : this.#backoff();
      case "digest-mismatch":
        if (this.#plan.kind === "resume") this.#plan = { kind: "fresh-base", heal: false };
        return this.#attempts++ === 0 ? 0 : this.#backoff();
      case "forked":
        if (end.refused) await this.#abandonId();
        return this.#attempts++ === 0 ? 0 : this.#backoff();
      case "stopped":
        if (end.reason === "superseded" && this.#mayBeOwnHello()) return this.#backoff();
        return this.#stopped(end.reason, end.error);
      default:
        return assertNever(end, "session end");
    }
  }

  /** A hello of this client that was read late looks like a newer session; it does so once. */
  #mayBeOwnHello(): boolean {
    const sinceUs = this.#options.clock.now() - this.#gaveUpHelloUs;
    this.#gaveUpHelloUs = Number.NEGATIVE_INFINITY;
    return sinceUs >= 0 && sinceUs < LATE_HELLO_US;
  }

  /** The server refuses the old id altogether, so nothing sent under it can be answered: all of it takes the new id. */
  async #abandonId(): Promise<void> {
    const { replica, random } = this.#options;
    await replica.transact("local", (tx) => {
      for (const edit of [...tx.pendingEdits()]) tx.putEdit({ ...edit, state: { kind: "unsent" } });
      takeDeviceId(tx, forkedDeviceId(tx.meta.deviceId, random));
    });
  }

  #stopped(reason: StopReason, error: DomainError | undefined): undefined {
    this.#show(error);
    this.#options.state.update({ phase: "stopped", stopReason: reason });
    return undefined;
  }

  #show(error: DomainError | undefined): void {
    this.#options.state.update({
      error: error === undefined ? undefined : { reason: error.reason, message: error.message },
    });
  }

  #backoff(): number {
    return backoffDelayMs(this.#attempts++, RECONNECT_BACKOFF, this.#options.random);
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    const { state, clock, timers } = this.#options;
    this.#skipPause = new AbortController();
    state.update({ phase: "waiting", retryAtMs: clock.now() / MICROS_PER_MS + delayMs });
    await pause(timers, delayMs, signal, this.#skipPause.signal);
  }
}
