import { setTimeout as sleep } from "node:timers/promises";
import { backoffDelayMs } from "@funkygibbon/kernel/backoff";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement } from "@funkygibbon/postgres/transaction";
import type { Logger } from "@funkygibbon/runtime/log";
import type { Projection } from "./search-projection.ts";

/** Options of {@link startSearchProjector}. */
export interface SearchProjectorOptions {
  readonly project: Projection;
  /** Households whose index is behind their log; see {@link laggingHouseholds}. */
  readonly findLagging: (signal: AbortSignal) => Promise<readonly HouseholdId[]>;
  readonly log: Logger;
  /** How long a household's commits must pause before it is projected. Default 100 ms. */
  readonly quietMs?: number;
  /** When it is projected although its commits do not pause. Default 2 s. */
  readonly maxDelayMs?: number;
  /** How often to look for households that nobody has announced. Default 30 s. */
  readonly sweepIntervalMs?: number;
}

/** Follows the logs of all households and keeps their search index. */
export interface SearchProjector extends AsyncDisposable {
  /** A commit of this household has ended. Cheap, never fails. */
  noteCommit(household: HouseholdId): void;
  /** Resolves when every household announced so far has been projected. */
  idle(): Promise<void>;
}

/**
 * Starts the projector. It works at low priority, one household at a time, when the commits of that household have
 * paused: full text costs more than the commits themselves, and search looks at what is missing anyway. A household with
 * much to do rests after each step for as long as that has taken.
 */
export function startSearchProjector(options: SearchProjectorOptions): SearchProjector {
  return new BackgroundProjector(options);
}

/** A household that waits for its turn, in milliseconds of performance.now(). */
interface Announced {
  firstMs: number;
  lastMs: number;
  /** Failed steps in a row. */
  failures: number;
}

const MAX_FAILURES = 5;

class BackgroundProjector implements SearchProjector {
  readonly #options: Required<SearchProjectorOptions>;
  readonly #stop = new AbortController();
  readonly #announced = new Map<HouseholdId, Announced>();
  readonly #waiting: (() => void)[] = [];
  #wake: (() => void) | undefined;
  #busy = false;
  readonly #running: Promise<unknown>;

  constructor(options: SearchProjectorOptions) {
    this.#options = { quietMs: 100, maxDelayMs: 2_000, sweepIntervalMs: 30_000, ...options };
    this.#running = Promise.all([this.#run(), this.#sweep()]);
  }

  noteCommit(household: HouseholdId): void {
    const now = performance.now();
    const known = this.#announced.get(household);
    if (known === undefined) this.#announced.set(household, { firstMs: now, lastMs: now, failures: 0 });
    else known.lastMs = now;
    this.#wake?.();
  }

  idle(): Promise<void> {
    if (this.#announced.size === 0 && !this.#busy) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const due = this.#nextDue();
      if (due === undefined) {
        for (const resolve of this.#waiting.splice(0)) resolve();
        await this.#pause();
      } else if (due.inMs > 0) {
        await this.#pause(due.inMs);
      } else {
        await this.#takeStep(due.household);
      }
    }
  }

  /** The household that is due first. */
  #nextDue(): { household: HouseholdId; inMs: number } | undefined {
    const now = performance.now();
    const { quietMs, maxDelayMs } = this.#options;
    let first: { household: HouseholdId; inMs: number } | undefined;
    for (const [household, { firstMs, lastMs }] of this.#announced) {
      const inMs = Math.min(lastMs + quietMs, firstMs + maxDelayMs) - now;
      if (first === undefined || inMs < first.inMs) first = { household, inMs };
    }
    return first;
  }

  /** Until the time has passed, something is announced, or the projector stops. */
  async #pause(ms?: number): Promise<void> {
    const woken = Promise.withResolvers<void>();
    this.#wake = woken.resolve;
    const timer = ms === undefined ? undefined : setTimeout(woken.resolve, ms);
    if (!this.#stop.signal.aborted) await woken.promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }

  /** One step only, so a household with much to do takes turns with the others. */
  async #takeStep(household: HouseholdId): Promise<void> {
    const { project, log } = this.#options;
    const beganMs = performance.now();
    const failures = this.#announced.get(household)?.failures ?? 0;
    this.#announced.delete(household);
    this.#busy = true;
    try {
      const step = await project(household, this.#stop.signal);
      for (const record of step.failed) log.warn({ household, record }, "search.body_not_projected");
      if (!step.caughtUp) this.#again(household, { afterMs: performance.now() - beganMs, failures: 0 });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      log.warn({ household, failures, err: error }, "search.projection_failed");
      // After that it is left to the sweep.
      if (failures + 1 >= MAX_FAILURES) return;
      const afterMs = backoffDelayMs(failures, { baseMs: 200, capMs: 5_000 }, Math.random);
      this.#again(household, { afterMs, failures: failures + 1 });
    } finally {
      this.#busy = false;
    }
  }

  #again(household: HouseholdId, { afterMs, failures }: { afterMs: number; failures: number }): void {
    const { quietMs, maxDelayMs } = this.#options;
    const dueMs = performance.now() + afterMs;
    this.#announced.set(household, { firstMs: dueMs - maxDelayMs, lastMs: dueMs - quietMs, failures });
  }

  /** Finds what was committed by another replica, or before this process started. */
  async #sweep(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for (const household of await this.#options.findLagging(signal)) this.noteCommit(household);
      } catch (error) {
        if (!signal.aborted) this.#options.log.warn({ err: error }, "search.sweep_failed");
      }
      await sleep(this.#options.sweepIntervalMs, undefined, { signal }).catch(() => {});
    }
  }
}

/** Households whose index is behind their log, at most 1000. @param relay a database of the role that sees all positions. */
export function laggingHouseholds(relay: Database): (signal: AbortSignal) => Promise<readonly HouseholdId[]> {
  return (signal) =>
    relay.inTransaction({ households: "positions-only", readOnly: true, signal }, async (tx) => {
      const rows = await tx.query<{ household_id: string }>(LAGGING);
      return rows.map((row) => row.household_id as HouseholdId);
    });
}

const LAGGING: Statement = {
  name: "search_projector.lagging",
  text: `
  select h.household_id from households h
  left join search_positions p on p.household_id = h.household_id
  where h.head_seq > coalesce(p.projected_seq, 0)
  limit 1000`,
};
