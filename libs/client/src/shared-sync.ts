import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { ConflictInfo } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { LocalReplica } from "./local-replica.ts";
import type { SharedStore } from "./store.ts";
import { SyncLoop, type SyncLoopOptions } from "./sync-loop.ts";
import type { SyncState } from "./sync-state.ts";

/** What keeps a client in contact, be it by itself or through another tab. */
export type SyncControl = Pick<SyncLoop, "start" | "stop" | "hurry" | "wake">;

/** The part of the state that whoever syncs knows; the rest each replica knows of itself. */
type SyncNews = Omit<
  SyncState,
  "deviceId" | "household" | "epoch" | "pulledSeq" | "pendingEdits" | "unheldEdits" | "deadLetters"
>;

/** What the tabs of one device tell each other about the sync. */
type TabTalk =
  | { readonly kind: "state"; readonly state: SyncNews }
  | { readonly kind: "conflicts"; readonly conflicts: readonly ConflictInfo[] }
  | { readonly kind: "conflict-changed"; readonly conflict: ConflictRecord | undefined }
  /** To whoever leads: how does it stand? */
  | { readonly kind: "ask" }
  /** To whoever leads: go on if something has stopped you. */
  | { readonly kind: "connect" }
  /** To whoever leads: try again at once. */
  | { readonly kind: "hurry" };

/**
 * The sync of a replica that others share: one of those that want to be connected leads and syncs, the others see what
 * it sees and hear of conflicts through it. When it disconnects or its tab ends, the next one takes the lead.
 */
export class SharedSync implements SyncControl {
  readonly #replica: LocalReplica;
  readonly #shared: SharedStore;
  readonly #loop: SyncLoop;
  readonly #options: SyncLoopOptions;
  #stop: AbortController | undefined;
  #done: Promise<void> = Promise.resolve();
  #leads = false;
  /** Until this replica has what others are known to have written. */
  #caughtUp: Promise<void> = Promise.resolve();

  constructor(shared: SharedStore, options: SyncLoopOptions) {
    this.#shared = shared;
    this.#options = options;
    this.#replica = options.replica;
    this.#loop = new SyncLoop({
      ...options,
      onConflicts: (conflicts) => {
        options.onConflicts(conflicts);
        this.#tell({ kind: "conflicts", conflicts });
      },
      onConflictChanged: (conflict) => {
        options.onConflictChanged(conflict);
        this.#tell({ kind: "conflict-changed", conflict });
      },
    });
    options.state.subscribe(() => this.#tellState());
    shared.listen((message) => this.#heard(message as TabTalk));
    shared.onWritten(() => {
      this.#caughtUp = this.#catchUp();
    });
  }

  start(): void {
    if (this.#stop !== undefined) {
      // Whoever leads may have been stopped by something that has been put right since.
      if (this.#leads) this.#loop.start();
      else this.#tell({ kind: "connect" });
      return;
    }
    const stop = new AbortController();
    this.#stop = stop;
    this.#done = this.#done
      .then(() => this.#shared.takeLead(() => this.#lead(stop.signal), stop.signal))
      .catch(ignored);
    this.#tell({ kind: "ask" });
  }

  async stop(): Promise<void> {
    this.#stop?.abort(new Error("disconnected"));
    this.#stop = undefined;
    await this.#done;
    this.#options.state.update({ phase: "offline", retryAtMs: undefined });
  }

  hurry(): void {
    if (this.#leads) this.#loop.hurry();
    else this.#tell({ kind: "hurry" });
  }

  wake(): void {
    this.#loop.wake();
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#leads = true;
    try {
      this.#loop.start();
      await aborted(signal);
    } finally {
      this.#leads = false;
      await this.#loop.stop();
    }
  }

  async #catchUp(): Promise<void> {
    // A store that fails says so to whoever edits or syncs.
    await this.#replica.catchUp().catch(ignored);
    this.#loop.wake();
  }

  #heard(talk: TabTalk): void {
    const connected = this.#stop !== undefined;
    switch (talk.kind) {
      case "state":
        void this.#caughtUp.then(() => this.#follow(talk.state));
        return;
      case "conflicts":
        this.#options.onConflicts(talk.conflicts);
        return;
      case "conflict-changed":
        if (connected) this.#options.onConflictChanged(talk.conflict);
        return;
      case "ask":
        this.#tellState();
        return;
      case "connect":
        if (this.#leads) this.#loop.start();
        return;
      case "hurry":
        if (this.#leads) this.#loop.hurry();
        return;
    }
  }

  /** Who hears that it is up to date has to find in this replica what that means. */
  #follow(state: SyncNews): void {
    if (this.#stop !== undefined && !this.#leads) this.#options.state.update(state);
  }

  #tellState(): void {
    if (!this.#leads) return;
    const { deviceId, household, epoch, pulledSeq, pendingEdits, unheldEdits, deadLetters, ...state } =
      this.#options.state.value;
    this.#tell({ kind: "state", state });
  }

  #tell(talk: TabTalk): void {
    this.#shared.tell(talk);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

function ignored(): void {}
