import type { ConflictRecord } from "@funkygibbon/gen/funkygibbon/entity/v1/conflict_pb";
import type { ConflictInfo } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { type Clock, systemClock } from "@funkygibbon/kernel/clock";
import type { Sha256 } from "@funkygibbon/kernel/content";
import type { Digest } from "@funkygibbon/kernel/digest";
import { failedPrecondition, invalid, permissionDenied } from "@funkygibbon/kernel/errors";
import { type DeviceId, isReservedDevice, parseDeviceId, parseRecordId, type RecordId } from "@funkygibbon/kernel/ids";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import type { VersionId } from "@funkygibbon/kernel/version";
import { discardDeadEdit } from "./answers.ts";
import { mustBeAddress, mustGiveTokens, type OptionNames } from "./given-options.ts";
import { givenToken } from "./given-token.ts";
import { type EditOptions, GraphEditor, type NewEntity, type NewRelationship } from "./graph-editor.ts";
import { type EntityView, GraphView, type RelationshipView } from "./graph-view.ts";
import { Listeners } from "./listeners.ts";
import { sameAnswer } from "./live-query.ts";
import { clientClosed, LocalReplica, type ReplicaChange } from "./local-replica.ts";
import { MemoryStore } from "./memory-store.ts";
import { PastGraph } from "./past-graph.ts";
import { RandomPool } from "./random-pool.ts";
import type { BaseRecord, Edit } from "./replica-record.ts";
import type { ReplicaTransaction } from "./replica-transaction.ts";
import { SharedSync, type SyncControl } from "./shared-sync.ts";
import type { Store } from "./store.ts";
import { SyncLoop, type SyncLoopOptions } from "./sync-loop.ts";
import { Observable, type SyncState } from "./sync-state.ts";
import { systemTimers, type Timers } from "./timers.ts";
import type { Transport } from "./transport.ts";
import { stepOf, takeBack, type UndoStep } from "./undo.ts";

/** What a client is made of. */
export interface ClientOptions {
  readonly transport: Transport;
  /** Gives a valid token (without `Bearer`) of the same user and household; asked before each session and before a token ends. */
  readonly token: () => string | Promise<string>;
  /** The entity-store, which {@link Client.asOf} asks; default none. */
  readonly graphUrl?: string;
  /** SHA-256 of the platform: `nodeSha256`, or `nobleSha256` where there is no synchronous one. */
  readonly sha256: Sha256;
  /** Default: a {@link MemoryStore}, which pulls afresh at every start. */
  readonly store?: Store;
  /** A new store's device; default a random one. A store that was used before keeps its own. */
  readonly deviceId?: string;
  /** What this client calls itself; default `funkygibbon-client/0.1.0`. */
  readonly clientVersion?: string;
  readonly clock?: Clock;
  readonly timers?: Timers;
  /** From 0 to 1; default Math.random. */
  readonly random?: () => number;
}

/** How many of the conflicts that this device's edits met are remembered. */
const MAX_REMEMBERED_CONFLICTS = 200;
/** How many edits can be taken back, the last ones. */
const MAX_UNDOABLE = 100;

/** What an app gives, whatever the platform. */
export type AppOptions = Omit<ClientOptions, "transport" | "sha256" | "store">;

/** The names of {@link AppOptions}. */
export const APP_OPTIONS: OptionNames<AppOptions> = {
  token: true,
  graphUrl: true,
  deviceId: true,
  clientVersion: true,
  clock: true,
  timers: true,
  random: true,
};

/**
 * One device's copy of a household's graph: reads and edits need no network, and `connect` keeps it equal to everybody
 * else's. Made by {@link openClient}.
 */
export class Client implements AsyncDisposable {
  readonly #replica: LocalReplica;
  readonly #sync: SyncControl;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #state: Observable<SyncState>;
  readonly #options: ClientOptions;
  readonly #randomness = new RandomPool();
  #isClosing = false;
  /** Ends every wait once the client is closed. */
  readonly #closed = new AbortController();
  #undoable: readonly UndoStep[] = [];
  #conflicts: readonly ConflictInfo[] = [];
  readonly #conflictListeners = new Listeners<ConflictRecord | undefined>();
  /** Questions to the graph as this device sees it. */
  readonly graph: GraphView;

  /** Use {@link openClient}. */
  constructor(replica: LocalReplica, store: Store, options: ClientOptions) {
    this.#replica = replica;
    this.#store = store;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#state = new Observable(initialState(replica));
    this.graph = new GraphView(replica.index);
    const sync: SyncLoopOptions = {
      replica,
      transport: options.transport,
      token: () => givenToken(options.token),
      sha256: options.sha256,
      clientVersion: options.clientVersion ?? "funkygibbon-client/0.1.0",
      state: this.#state,
      clock: this.#clock,
      timers: options.timers ?? systemTimers,
      random: options.random ?? Math.random,
      onConflicts: (conflicts) => {
        // What could not be stored is answered again.
        const known = new Set(this.#conflicts.map(({ conflictId }) => conflictId));
        const fresh = conflicts.filter(({ conflictId }) => !known.has(conflictId));
        this.#conflicts = [...this.#conflicts, ...fresh].slice(-MAX_REMEMBERED_CONFLICTS);
      },
      onConflictChanged: (conflict) => this.#conflictListeners.tell(conflict),
    };
    this.#sync = store.shared === undefined ? new SyncLoop(sync) : new SharedSync(store.shared, sync);
    replica.subscribe(() => this.#state.update(replicaState(replica)));
  }

  /** Where the sync stands. */
  get state(): SyncState {
    return this.#state.value;
  }

  /** This installation; changes when it turns out to be a clone. */
  get deviceId(): DeviceId {
    return this.#replica.meta.deviceId;
  }

  /** Sum over the live heads that were pulled: equal on all devices that are up to date at the same seq. */
  get digest(): Digest {
    return this.#replica.digest;
  }

  /** Conflicts that edits of this device met since it was opened, oldest first, at most 200. */
  get conflicts(): readonly ConflictInfo[] {
    return this.#conflicts;
  }

  /** Edits that were rejected, with the reason. */
  deadLetters(): readonly Edit[] {
    return [...this.#replica.edits()].filter((edit) => edit.state.kind === "dead");
  }

  /** Forgets a rejected edit. @returns whether there was one. */
  async discard(version: VersionId): Promise<boolean> {
    this.#mustBeOpen();
    return this.#replica.transact("local", (tx) => discardDeadEdit(tx, version));
  }

  /** Connects, and stays connected until `disconnect`, or until `state.stopReason` says why not. @throws DomainError with reason CLIENT_CLOSED. */
  connect(): void {
    this.#mustBeOpen();
    this.#sync.start();
  }

  /** Ends the session; edits stay queued. Resolves when nothing runs any more. */
  disconnect(): Promise<void> {
    return this.#sync.stop();
  }

  /** Tries again at once when the client waits, for example because the network is back. */
  retryNow(): void {
    this.#sync.hurry();
  }

  /**
   * Makes several edits that become durable and visible together, or not at all when `work` throws. It waits for nothing: an
   * async one is refused. Resolves when they are durable on this device.
   */
  async edit<T>(work: (editor: GraphEditor) => T): Promise<T> {
    this.#mustBeWriter();
    const { result, step } = await this.#replica.transact("local", (tx) => {
      const result = this.#editor(tx).run(work);
      return { result, step: stepOf(tx) };
    });
    if (step.length > 0) this.#undoable = [...this.#undoable, step].slice(-MAX_UNDOABLE);
    this.#sync.wake();
    return result;
  }

  /**
   * Takes back the last `edit` of this client that is not taken back yet, as one more edit: everywhere, also after it was
   * sent. What has been edited since, by whomever, stays as it is; so does what somebody else has deleted, and what has
   * been connected to something since. Edits that are on their way to the disk come first.
   * @returns whether anything was taken back. @throws what the store does: it can then be taken back later.
   */
  async undo(): Promise<boolean> {
    this.#mustBeWriter();
    let planned: UndoStep | undefined;
    try {
      const tookBack = await this.#replica.transact("local", (tx) => {
        const step = this.#undoable.at(-1);
        if (step === undefined) return false;
        this.#undoable = this.#undoable.slice(0, -1);
        const edgesAt = (entity: RecordId) => this.#replica.index.edgesAt(entity);
        const tookBack = takeBack({ editor: this.#editor(tx), tx, edgesAt }, step);
        planned = step;
        return tookBack;
      });
      this.#sync.wake();
      return tookBack;
    } catch (error) {
      if (planned !== undefined) this.#undoable = [...this.#undoable, planned];
      throw error;
    }
  }

  /** What `undo` would take back, the last one first; plain data, so that an app can keep it. At most 100 edits. */
  get undoable(): readonly UndoStep[] {
    return this.#undoable;
  }

  /** Lets `undo` take back, after its own, what an earlier client of this replica could: its `undoable`. */
  resumeUndo(undoable: readonly UndoStep[]): void {
    this.#undoable = [...undoable, ...this.#undoable].slice(-MAX_UNDOABLE);
  }

  /** See {@link GraphEditor.create}. */
  create(entity: NewEntity): Promise<RecordId> {
    return this.edit((editor) => editor.create(entity));
  }

  /** See {@link GraphEditor.update}. */
  update(id: string, patch: JsonObject, options?: EditOptions): Promise<boolean> {
    return this.edit((editor) => editor.update(id, patch, options));
  }

  /** See {@link GraphEditor.relate}. */
  relate(edge: NewRelationship): Promise<RecordId> {
    return this.edit((editor) => editor.relate(edge));
  }

  /** See {@link GraphEditor.restore}. */
  restore(id: string): Promise<void> {
    return this.edit((editor) => editor.restore(id));
  }

  /** See {@link GraphEditor.remove}. */
  remove(id: string): Promise<void> {
    return this.edit((editor) => editor.remove(id));
  }

  /** The entity or edge as this device sees it. */
  get(id: string): EntityView | RelationshipView | undefined {
    const record = parseRecordId(id);
    return this.graph.entity(record) ?? this.graph.relationship(record);
  }

  /**
   * The graph as it was at a time, asked of the server. @param signal ends every question.
   * @throws DomainError `failed-precondition` when there is no `graphUrl`.
   */
  asOf(at: Date, signal?: AbortSignal): PastGraph {
    const { graphUrl, token } = this.#options;
    if (graphUrl === undefined) throw failedPrecondition("NO_GRAPH_URL", "the client was opened without a graphUrl");
    return new PastGraph({ url: graphUrl, token: async () => token(), at, ...(signal && { signal }) });
  }

  /** What is known of a record's standing: the version that is seen, and the seq at which the base holds it (0: not at all). */
  inspect(id: string): { readonly version: VersionId | undefined; readonly baseSeq: number } {
    const record = parseRecordId(id);
    return { version: this.#replica.visible(record)?.version, baseSeq: this.#replica.base(record)?.seq ?? 0 };
  }

  /** Every pulled head, tombstones included. */
  baseRecords(): Iterable<BaseRecord> {
    return this.#replica.baseRecords().values();
  }

  /** Calls `listener` after each change of the graph, until the returned function is called. An edge may also come or go with its ends. */
  onChange(listener: (change: ReplicaChange) => void): () => void {
    return this.#replica.subscribe((change) => {
      if (change.records.size > 0) listener(change);
    });
  }

  /**
   * Asks the graph now and after each change, and calls `listener` with the first answer and with each that differs from
   * the one before, until the returned function is called.
   */
  watch<T>(query: (graph: GraphView) => T, listener: (answer: T) => void): () => void {
    let last = query(this.graph);
    listener(last);
    return this.onChange(() => {
      const answer = query(this.graph);
      if (sameAnswer(answer, last)) return;
      last = answer;
      listener(answer);
    });
  }

  /**
   * Calls `listener` when a conflict of the household is opened, settled, decided again or closed while this client is
   * connected, until the returned function is called. Undefined stands for several. What was missed is in the inbox.
   */
  onConflict(listener: (conflict: ConflictRecord | undefined) => void): () => void {
    return this.#conflictListeners.add(listener);
  }

  /** Calls `listener` after each change of `state`, until the returned function is called. */
  onState(listener: (state: SyncState) => void): () => void {
    return this.#state.subscribe(listener);
  }

  /**
   * Resolves with the first state, now or later, for which `matches` holds.
   * @throws the signal's reason; DomainError with reason CLIENT_CLOSED when the client closes first.
   */
  async until(matches: (state: SyncState) => boolean, signal?: AbortSignal): Promise<SyncState> {
    const closed = this.#closed.signal;
    // The last state stays.
    if (closed.aborted && matches(this.state)) return this.state;
    return this.#state.until(matches, signal === undefined ? closed : AbortSignal.any([signal, closed]));
  }

  /** Resolves when the client is live, every edit of this device is answered, and the base holds everything that the server has told of. @throws as {@link until}. */
  settled(signal?: AbortSignal): Promise<SyncState> {
    return this.until(isSettled, signal);
  }

  #mustBeOpen(): void {
    if (this.#isClosing) throw clientClosed();
  }

  #mustBeWriter(): void {
    this.#mustBeOpen();
    if (this.#state.value.role === "guest") throw permissionDenied("a guest only reads", "READ_ONLY_ROLE");
  }

  #editor(tx: ReplicaTransaction): GraphEditor {
    return new GraphEditor(tx, this.#clock, this.newId);
  }

  /** A fresh record id, ordered by time. */
  readonly newId = (): RecordId => uuidV7(this.#clock.now(), this.#randomness.take(10)) as RecordId;

  /** Ends the session and closes the store, once edits that are on their way to it have come there. What was read stays readable. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    try {
      await this.disconnect();
      await this.#replica.close();
      await this.#store[Symbol.asyncDispose]();
    } finally {
      this.#closed.abort(clientClosed());
    }
  }
}

/** Opens a client on its store, which closes with it; it does not connect yet. @throws DomainError `invalid` for a malformed or reserved device id, a malformed `graphUrl` or no `token`, and what the store throws. */
export async function openClient(options: ClientOptions): Promise<Client> {
  const store = options.store ?? new MemoryStore();
  try {
    mustGiveTokens(options.token);
    if (options.graphUrl !== undefined) mustBeAddress(options.graphUrl, "graphUrl");
    const deviceId = parseDeviceId(options.deviceId ?? `device-${crypto.randomUUID()}`);
    if (isReservedDevice(deviceId)) {
      throw invalid([{ field: "device_id", description: `${deviceId} is the server's own` }]);
    }
    const replica = await LocalReplica.open({ store, deviceId, sha256: options.sha256 });
    return new Client(replica, store, options);
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

function isSettled(state: SyncState): boolean {
  const { phase, pendingEdits, unheldEdits, upToDateSeq, headSeq } = state;
  return phase === "live" && pendingEdits === 0 && unheldEdits === 0 && upToDateSeq >= headSeq;
}

function initialState(replica: LocalReplica): SyncState {
  return {
    phase: "offline",
    stopReason: undefined,
    error: undefined,
    retryAtMs: undefined,
    role: undefined,
    pushRefused: undefined,
    headSeq: 0,
    upToDateSeq: 0,
    digestMismatches: 0,
    ...replicaState(replica),
  };
}

function replicaState(replica: LocalReplica) {
  const counts = replica.editCounts;
  const { deviceId, household, epoch } = replica.meta;
  return {
    deviceId,
    household,
    epoch,
    pulledSeq: replica.newestSeq,
    pendingEdits: replica.pendingCount,
    unheldEdits: counts.answered,
    deadLetters: counts.dead,
  };
}
