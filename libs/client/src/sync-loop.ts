import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { ConflictInfo } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { backoffDelayMs } from "@funkygibbon/kernel/backoff";
import { MICROS_PER_MS } from "@funkygibbon/kernel/clock";
import type { Sha256 } from "@funkygibbon/kernel/content";
import { assertNever } from "@funkygibbon/kernel/must";
import { type ContactEffect, type ContactEvent, NO_CONTACT, stepContact } from "./contact-step.ts";
import { forkedDeviceId, takeDeviceId } from "./edit-queue.ts";
import type { LocalReplica } from "./local-replica.ts";
import { endOfError, type SessionEnd } from "./session-end.ts";
import { SyncSession } from "./sync-session.ts";
import type { Observable, SyncState } from "./sync-state.ts";
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

/**
 * Opens sessions one after the other until told to stop or until somebody has to decide. What comes after each is decided
 * by {@link stepContact}; here it is done.
 */
export class SyncLoop {
  readonly #options: SyncLoopOptions;
  #stop: AbortController | undefined;
  #done: Promise<void> = Promise.resolve();
  #session: SyncSession | undefined;
  #skipPause = new AbortController();
  #contact = NO_CONTACT;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
  }

  /** Connects, and stays connected. Does nothing while it already tries. */
  start(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#take({ type: "started" });
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
      await this.#follow(end, stop);
    }
  }

  /** What the store cannot take, be it for want of room, counts as a session that was lost by it: it is tried again. */
  async #follow(end: SessionEnd, stop: AbortController): Promise<void> {
    try {
      const effects = this.#take({ type: "ended", end, nowUs: this.#options.clock.now() });
      for (const effect of effects) await this.#do(effect, stop);
    } catch (error) {
      await this.#follow(endOfError(error), stop);
    }
  }

  async #oneSession(signal: AbortSignal): Promise<SessionEnd> {
    const { state } = this.#options;
    state.update({ phase: "connecting", retryAtMs: undefined, stopReason: undefined });
    const session = new SyncSession({
      ...this.#options,
      plan: this.#contact.plan,
      onSyncRequested: () => session.wake(),
    });
    this.#session = session;
    const stopWatching = state.subscribe((now) => {
      if (now.phase === "live") this.#take({ type: "live" });
    });
    const end = await session.run(signal);
    stopWatching();
    this.#session = undefined;
    if (session.isUnanswered) this.#take({ type: "hello-given-up", nowUs: this.#options.clock.now() });
    return end;
  }

  #take(event: ContactEvent): readonly ContactEffect[] {
    const { state, effects } = stepContact(this.#contact, event);
    this.#contact = state;
    return effects;
  }

  async #do(effect: ContactEffect, stop: AbortController): Promise<void> {
    const { state, random } = this.#options;
    switch (effect.type) {
      case "show": {
        const { error } = effect;
        return state.update({ error: error && { reason: error.reason, message: error.message } });
      }
      case "abandon-name":
        return this.#abandonName();
      case "come-back": {
        const { askedMs, attempt } = effect;
        const backoffMs = attempt === undefined ? 0 : backoffDelayMs(attempt, RECONNECT_BACKOFF, random);
        return this.#wait(Math.max(askedMs, backoffMs), stop.signal);
      }
      case "stop":
        if (this.#stop === stop) this.#stop = undefined;
        stop.abort();
        return state.update({ phase: "stopped", stopReason: effect.reason });
      default:
        return assertNever(effect, "contact effect");
    }
  }

  /** The server refuses the old id altogether, so nothing sent under it can be answered: all of it takes the new id. */
  async #abandonName(): Promise<void> {
    const { replica, random } = this.#options;
    await replica.transact("local", (tx) => {
      for (const edit of [...tx.pendingEdits()]) tx.putEdit({ ...edit, state: { kind: "unsent" } });
      takeDeviceId(tx, forkedDeviceId(tx.meta.deviceId, random));
    });
  }

  async #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    if (delayMs <= 0) return;
    const { state, clock, timers } = this.#options;
    this.#skipPause = new AbortController();
    state.update({ phase: "waiting", retryAtMs: clock.now() / MICROS_PER_MS + delayMs });
    await pause(timers, delayMs, signal, this.#skipPause.signal);
  }
}
