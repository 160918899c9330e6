import type { ChangesFrame, UpToDate } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Sha256 } from "@funkygibbon/kernel/content";
import type { Epoch } from "@funkygibbon/kernel/ids";
import { applyPage, releaseEditsUpTo, releaseHeldEdits, StagedBase } from "./base-layer.ts";
import { wakeDeferredEdits } from "./edit-queue.ts";
import { planHeals, swapReplicas } from "./healing.ts";
import type { LocalReplica } from "./local-replica.ts";
import { inPushes } from "./push-planning.ts";
import type { PushPump } from "./push-pump.ts";
import { pulledFromWire } from "./wire-mapping.ts";

/** What a pulled frame showed: all is well, or the base does not add up and has to be pulled whole. */
export type PullVerdict = "consistent" | "inconsistent";

/** Where pulled frames go. */
export interface PullSide {
  /** The page and its cursor are stored in one step before it resolves. */
  changes(frame: ChangesFrame): Promise<PullVerdict>;
  /** The base is complete up to the frame's seq. */
  upToDate(frame: UpToDate): Promise<PullVerdict>;
  /** An answer to a push has come, with the log's newest seq after it. */
  answered(headSeq: number): Promise<void>;
  /** The pulled base is the one in use. */
  readonly inUse: boolean;
}

/** Pulls into the base in use. */
export class DirectPull implements PullSide {
  readonly #replica: LocalReplica;
  readonly #epoch: Epoch;
  #upToDateSeq = 0;
  readonly inUse = true;

  constructor(replica: LocalReplica, epoch: Epoch) {
    this.#replica = replica;
    this.#epoch = epoch;
  }

  changes(frame: ChangesFrame): Promise<PullVerdict> {
    const page = frame.records.map(pulledFromWire);
    return this.#replica.transact("remote", (tx) => {
      const unknown = applyPage(tx, tx, page);
      // Without the content of an own version the page is not whole: the cursor stays before it.
      if (unknown.length > 0) return "inconsistent";
      const records = page.map((pulled) => (pulled.kind === "own" ? pulled.stamp.record : pulled.record.record));
      releaseHeldEdits(tx, records);
      wakeDeferredEdits(tx, new Set(records));
      tx.setMeta({ cursor: frame.cursor });
      return "consistent";
    });
  }

  async upToDate(frame: UpToDate): Promise<PullVerdict> {
    await this.#replica.transact("remote", (tx) => {
      tx.setMeta({ cursor: frame.cursor, vectorClock: frame.vectorClock });
      releaseEditsUpTo(tx, this.#epoch, Number(frame.headSeq));
    });
    this.#upToDateSeq = Number(frame.headSeq);
    return this.#replica.digest === frame.digest ? "consistent" : "inconsistent";
  }

  /** The base may be past the answered seq already, and hold nothing of a record that has no live head. */
  async answered(): Promise<void> {
    if (this.#replica.editCounts.answered === 0) return;
    await this.#replica.transact("remote", (tx) => releaseEditsUpTo(tx, this.#epoch, this.#upToDateSeq));
  }
}

/** What a staged pull works with. */
export interface StagedPullOptions {
  readonly replica: LocalReplica;
  readonly epoch: Epoch;
  readonly pump: PushPump;
  readonly sha256: Sha256;
  /** Bring back what the old base has and the fresh one has not. */
  readonly heal: boolean;
}

/**
 * Pulls into a second replica while the first stays in use; then brings back what a restored server has lost, lets the
 * edits flow, and swaps when everything that was answered is in the second (docs/protocol.md, section 8). A crash in
 * between starts over: whatever was sent is known by its version.
 */
export class StagedPull implements PullSide {
  readonly #options: StagedPullOptions;
  readonly #staged = new StagedBase();
  #stage: "pulling" | "healing" | "pushing" = "pulling";
  /** Takes over after the swap. */
  #direct: DirectPull | undefined;
  #newest: UpToDate | undefined;
  #answeredSeq = 0;

  constructor(options: StagedPullOptions) {
    this.#options = options;
  }

  get inUse(): boolean {
    return this.#direct !== undefined;
  }

  changes(frame: ChangesFrame): Promise<PullVerdict> {
    if (this.#direct !== undefined) return this.#direct.changes(frame);
    const page = frame.records.map(pulledFromWire);
    return this.#options.replica.transact("remote", (tx) =>
      applyPage(tx, this.#staged, page).length === 0 ? "consistent" : "inconsistent",
    );
  }

  async upToDate(frame: UpToDate): Promise<PullVerdict> {
    if (this.#direct !== undefined) return this.#direct.upToDate(frame);
    if (this.#staged.digest(this.#options.sha256) !== frame.digest) return "inconsistent";
    this.#newest = frame;
    if (this.#stage === "pulling") this.#beginHealing();
    await this.#advance();
    return "consistent";
  }

  async answered(headSeq: number): Promise<void> {
    if (this.#direct !== undefined) return this.#direct.answered();
    this.#answeredSeq = Math.max(this.#answeredSeq, headSeq);
    await this.#advance();
  }

  #beginHealing(): void {
    const { heal, replica, pump } = this.#options;
    this.#stage = "healing";
    if (heal) pump.heal(inPushes(planHeals(replica.baseRecords(), this.#staged.records)));
  }

  async #advance(): Promise<void> {
    const { pump } = this.#options;
    if (this.#stage === "healing" && pump.healed) {
      this.#stage = "pushing";
      pump.resume();
    }
    if (this.#stage !== "pushing" || this.#newest === undefined) return;
    if (this.#options.heal && !pump.drained) return;
    if (Number(this.#newest.headSeq) >= this.#answeredSeq) await this.#swap(this.#newest);
  }

  async #swap(newest: UpToDate): Promise<void> {
    const { replica, epoch, pump } = this.#options;
    const { cursor, vectorClock } = newest;
    const position = { epoch, cursor, vectorClock, headSeq: Number(newest.headSeq) };
    const refused = pump.rejectedHeals;
    await replica.transact("remote", (tx) =>
      swapReplicas(tx, { old: replica.baseRecords(), staged: this.#staged, position, refused }),
    );
    this.#direct = new DirectPull(replica, epoch);
  }
}
