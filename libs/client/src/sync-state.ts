import type { Role } from "@funkygibbon/kernel/identity";
import type { DeviceId, Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import { Listeners } from "./listeners.ts";

/**
 * Where the connection stands:
 * - `offline`: not asked to connect.
 * - `connecting`: opening a session.
 * - `catching-up`: the session is open, the backlog is coming.
 * - `live`: everything up to `headSeq` is here; changes arrive as they happen.
 * - `healing`: the server's log was renewed, or the base did not add up; a second replica is being pulled.
 * - `waiting`: the session ended; the next attempt comes at `retryAtMs`.
 * - `stopped`: somebody has to decide; see `stopReason`. Nothing happens until `connect` is called.
 */
export type SyncPhase = "offline" | "connecting" | "catching-up" | "live" | "healing" | "waiting" | "stopped";

/**
 * Why a client does not reconnect by itself: a newer session of the same device; an owner has forgotten the device; the
 * token is for another household than the replica; the server refuses the device for good.
 */
export type StopReason = "superseded" | "forgotten" | "household-changed" | "refused";

/** What the client knows of its sync, as one value. */
export interface SyncState {
  readonly phase: SyncPhase;
  readonly stopReason: StopReason | undefined;
  /** Why the last session ended, when it did not end well. */
  readonly error: { readonly reason: string; readonly message: string } | undefined;
  /** Milliseconds since 1970; only while waiting. */
  readonly retryAtMs: number | undefined;
  readonly deviceId: DeviceId;
  readonly household: HouseholdId | undefined;
  readonly epoch: Epoch | undefined;
  readonly role: Role | undefined;
  /** Edits that are still to be answered. */
  readonly pendingEdits: number;
  /** Edits that are answered but that the base does not hold yet. */
  readonly unheldEdits: number;
  /** Edits that were rejected and wait for the user. */
  readonly deadLetters: number;
  /** The server refuses pushes (a guest, for example), for this reason; edits stay here. */
  readonly pushRefused: string | undefined;
  /** The newest seq of the log that the server told of; 0: not known. */
  readonly headSeq: number;
  /** The newest seq that was pulled: over `headSeq`, how far a device is that catches up. */
  readonly pulledSeq: number;
  /** The seq up to which the base holds everything; 0: nothing yet. */
  readonly upToDateSeq: number;
  /** How often the base did not add up to the server's digest and was pulled again. */
  readonly digestMismatches: number;
}

/** A value that can be watched. */
export class Observable<T extends object> {
  #value: T;
  readonly #listeners = new Listeners<void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  /** Changes what is named and tells everybody, unless nothing differs. */
  update(patch: Partial<T>): void {
    const keys = Object.keys(patch) as (keyof T)[];
    if (keys.every((key) => this.#value[key] === patch[key])) return;
    this.#value = { ...this.#value, ...patch };
    this.#listeners.tell();
  }

  /** Calls `listener` after each change, until the returned function is called. */
  subscribe(listener: (value: T) => void): () => void {
    return this.#listeners.add(() => listener(this.#value));
  }

  /** Resolves with the first value, now or later, for which `matches` holds. @throws the signal's reason, and what `matches` does. */
  async until(matches: (value: T) => boolean, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (matches(this.#value)) return this.#value;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const unsubscribe = this.subscribe((value) => {
      try {
        if (matches(value)) resolve(value);
      } catch (error) {
        reject(error);
      }
    });
    try {
      return await promise;
    } finally {
      unsubscribe();
      signal?.removeEventListener("abort", abort);
    }
  }
}
