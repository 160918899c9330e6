import type { Epoch } from "@funkygibbon/kernel/ids";
import type { Encoded } from "@funkygibbon/rpc/encoded";
import type { GoAwayReason } from "../domain/go-away.ts";
import type { EntryRun, LogPage } from "../domain/log-page.ts";
import type { SettledLog, ToldConflict } from "../domain/ports.ts";
import {
  changesFrame,
  commonFrame,
  conflictFrame,
  type Ground,
  goAwayFrame,
  type SessionKind,
  timestamp,
  upToDateFrame,
} from "./frames.ts";
import type { SyncParts } from "./sync-parts.ts";

/** Where frames go. */
export interface FrameSink {
  /** Resolves when the transport has taken the frame; rejects when the device is gone. Keeps the order of the calls. */
  send(frame: Encoded): Promise<void>;
}

/** A page as a session is sent it. */
export interface PageToSend {
  readonly page: LogPage;
  readonly runs: readonly EntryRun[];
  readonly frameId: number;
  readonly backlog: boolean;
  readonly headSeq: number;
  /** The newest head among the snapshots of what the device has with this page. */
  readonly snapshotSeq: number;
}

type VoiceParts = Pick<SyncParts, "cursors" | "frameBudget" | "clock" | "random">;

/** Of conflicts that have changed, one waits for a transport that takes nothing, and more up to this many bytes. */
const MAX_WAITING_CONFLICT_BYTES = 64 * 1024;

/** What a session says to its device. At most one of each small frame waits for a transport that takes nothing. */
export class SessionVoice {
  readonly #kind: SessionKind;
  readonly #sink: FrameSink;
  readonly #parts: VoiceParts;
  readonly #tombstonesAboveSeq: number;
  readonly #onGone: () => void;
  /** What every frame names, but the good-bye of a renewed log. A push is committed to the log that it was made for. */
  readonly ground: Ground;
  #renewedEpoch: Epoch | undefined;
  /** Resolves when all frames so far are in the hands of the sink. */
  #handedOver: Promise<void> = Promise.resolve();
  readonly #waiting = new Set<"pong" | "heartbeat" | "syncRequested">();
  #waitingConflictBytes = 0;
  #conflictsLeftOut = false;

  constructor(options: {
    readonly kind: SessionKind;
    readonly sink: FrameSink;
    readonly parts: VoiceParts;
    readonly ground: Ground;
    readonly tombstonesAboveSeq: number;
    /** The transport takes nothing more. */
    readonly onGone: () => void;
  }) {
    this.#kind = options.kind;
    this.#sink = options.sink;
    this.#parts = options.parts;
    this.ground = options.ground;
    this.#tombstonesAboveSeq = options.tombstonesAboveSeq;
    this.#onGone = options.onGone;
  }

  /** The log was renewed: the good-bye will name its new epoch. */
  logRenewed(epoch: Epoch): void {
    this.#renewedEpoch = epoch;
  }

  /** Resolves when the transport has taken the frame. */
  async page({ page, runs, frameId, backlog, headSeq, snapshotSeq }: PageToSend): Promise<void> {
    const cursor = this.#cursorAt(page.throughSeq, snapshotSeq);
    const facts = { frameId, cursor, backlog, headSeq: Math.max(headSeq, page.throughSeq) };
    const { frameBudget } = this.#parts;
    await this.#inOrder(
      () => frameBudget.acquire(this.ground.household, page.byteLength),
      (release) => this.#sink.send(changesFrame(this.#kind, this.ground, facts, { page, runs })).finally(release),
    );
  }

  upToDate(log: SettledLog): void {
    const { headSeq } = log.clock.position;
    const cursor = this.#cursorAt(headSeq, headSeq);
    const frame = () => upToDateFrame(this.#kind, this.ground, log, cursor);
    this.#inOrder(atOnce, () => this.#sink.send(frame())).catch(this.#onGone);
  }

  /** @param nonce of the ping; 0 for a heartbeat of ours. */
  pong(nonce: bigint): void {
    const value = { nonce, serverTime: timestamp(this.#parts.clock.now()) };
    this.#once(nonce === 0n ? "heartbeat" : "pong", commonFrame(this.#kind, this.ground, { case: "pong", value }));
  }

  syncRequested(reason: string): void {
    const frame = commonFrame(this.#kind, this.ground, { case: "syncRequested", value: { reason } });
    this.#once("syncRequested", frame);
  }

  /** What changes while much of that waits is not told one by one: the device is told that there was more. */
  conflictChanged(conflict: ToldConflict): void {
    const frame = conflictFrame(this.#kind, this.ground, conflict);
    const waiting = this.#waitingConflictBytes;
    if (waiting > 0 && waiting + frame.bytes.byteLength > MAX_WAITING_CONFLICT_BYTES) this.#conflictsLeftOut = true;
    else this.#tellOfConflicts(frame);
  }

  /** The last word, after all others. */
  async goAway(reason: GoAwayReason): Promise<void> {
    const frame = () => {
      const ground = { ...this.ground, epoch: this.#renewedEpoch ?? this.ground.epoch };
      return goAwayFrame(this.#kind, ground, reason, this.#parts.random);
    };
    await this.#inOrder(atOnce, () => this.#sink.send(frame()));
  }

  #tellOfConflicts(frame: Encoded): void {
    const { byteLength } = frame.bytes;
    this.#waitingConflictBytes += byteLength;
    this.#sink.send(frame).then(() => {
      this.#waitingConflictBytes -= byteLength;
      if (this.#waitingConflictBytes > 0 || !this.#conflictsLeftOut) return;
      this.#conflictsLeftOut = false;
      this.#tellOfConflicts(commonFrame(this.#kind, this.ground, { case: "conflictChanged", value: {} }));
    }, this.#onGone);
  }

  /** What is said while the same still waits adds nothing. */
  #once(what: "pong" | "heartbeat" | "syncRequested", frame: Encoded): void {
    if (this.#waiting.has(what)) return;
    this.#waiting.add(what);
    this.#sink.send(frame).then(() => this.#waiting.delete(what), this.#onGone);
  }

  /** What is sent waits for `prepare`, and so does what comes after it. Settles as the sending does. */
  #inOrder<T>(prepare: () => Promise<T>, send: (prepared: T) => Promise<void>): Promise<void> {
    const { promise: taken, resolve, reject } = Promise.withResolvers<void>();
    this.#handedOver = this.#handedOver.then(prepare).then((prepared) => {
      send(prepared).then(resolve, reject);
    }, reject);
    return taken;
  }

  #cursorAt(seq: number, snapshotSeq: number): string {
    const tombstonesAboveSeq = this.#tombstonesAboveSeq;
    return this.#parts.cursors.encode({ ...this.ground, seq, tombstonesAboveSeq, snapshotSeq });
  }
}

async function atOnce(): Promise<void> {}
