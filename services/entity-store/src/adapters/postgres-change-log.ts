import { randomFillSync } from "node:crypto";
import type { Clock } from "@funkygibbon/kernel/clock";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import type { Database } from "@funkygibbon/postgres/database";
import { isConnectionFailure } from "@funkygibbon/postgres/postgres-error";
import type { Logger } from "@funkygibbon/runtime/log";
import { sha256 } from "@funkygibbon/runtime/sha256";
import type { CommitJob, CommitLog, ResultOf } from "../domain/commit-job.ts";
import type { CommitListener } from "../domain/commit-notice.ts";
import type { CommitPlan, CommitWrites } from "../domain/commit-plan.ts";
import { foreseenFacts, type KnownLog, knownAfter, provesItself } from "../domain/foresee.ts";
import { planCommit } from "../domain/plan-commit.ts";
import { CommitQueue } from "./commit-queue.ts";
import {
  type CommitTransactionOptions,
  commitForeseen,
  commitGroup,
  type Finished,
  isDisproved,
  type TriedJob,
} from "./commit-transaction.ts";
import { type HouseholdRun, HouseholdRuns } from "./household-runs.ts";
import type { HouseholdWrites } from "./write-commits.ts";

/** Options of {@link PostgresChangeLog}. */
export interface PostgresChangeLogOptions {
  /** As the application role; its connections are used for commits alone. */
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onCommit: CommitListener;
  /** Transactions at once; default 4, more gained nothing on two cores. */
  readonly lanes?: number;
  /** Told how each transaction went, for metrics. */
  readonly onGroup?: (group: GroupReport) => void;
}

/** How a transaction went. */
export interface GroupReport {
  readonly jobs: number;
  readonly versions: number;
  readonly durationMs: number;
  /** `disproved`: it was planned from memory, and somebody else had written since; it is run again. */
  readonly outcome: "committed" | "disproved" | "failed";
}

const MAX_GROUP_HOUSEHOLDS = 16;
const MAX_GROUP_ROWS = 1_000;
const ALONE_FROM_CHANGES = 50;
/** Several times as long as a group takes. */
const PATIENCE_MS = 20;
/** About a kilobyte each. */
const REMEMBERED_HOUSEHOLDS = 4_096;

/** A job together with whoever waits for it. */
interface Pending {
  readonly job: CommitJob;
  readonly resolve: (result: ResultOf<CommitJob>) => void;
  readonly reject: (error: unknown) => void;
}

/** How a transaction is run. */
interface Attempt {
  readonly alone: boolean;
  /** Whatever it fails with is the answer. */
  readonly last: boolean;
  readonly nextMayBegin: () => void;
}

/** A job as it will have been done, if memory is right. */
type Foreseen = Extract<Finished, { kind: "done" }> & HouseholdWrites;

/** A job on its way through one transaction after another of its household. */
interface Running extends TriedJob {
  readonly pending: Pending;
  readonly run: HouseholdRun;
  readonly before: HouseholdRun | undefined;
}

/**
 * The log of all households in PostgreSQL. One transaction for each group of jobs, in two round trips: lock and read, then
 * write and commit. What only brings new records is planned from memory and committed in one; meanwhile the next job of
 * the household is planned upon it. A transaction whose end is unknown, because the answer to its COMMIT was lost, is
 * followed by another one, which finds its traces or plans anew.
 */
export class PostgresChangeLog implements CommitLog {
  readonly #options: PostgresChangeLogOptions;
  readonly #queue: CommitQueue<Pending>;
  readonly #transactions: CommitTransactionOptions;
  readonly #runs = new HouseholdRuns(REMEMBERED_HOUSEHOLDS);

  constructor(options: PostgresChangeLogOptions) {
    this.#options = options;
    this.#queue = new CommitQueue({
      lanes: options.lanes ?? 4,
      maxGroupHouseholds: MAX_GROUP_HOUSEHOLDS,
      maxGroupRows: MAX_GROUP_ROWS,
      aloneFromSize: ALONE_FROM_CHANGES,
      patienceMs: PATIENCE_MS,
      run: (group, nextMayBegin) => this.#runGroup(group, nextMayBegin),
    });
    this.#transactions = {
      database: options.database,
      clock: options.clock,
      context: { sha256, newId: () => uuidV7(options.clock.now(), randomFillSync(new Uint8Array(10))) },
    };
  }

  /** Jobs that wait or are under way. */
  get depth(): number {
    return this.#queue.depth;
  }

  commit<Job extends CommitJob>(job: Job): Promise<ResultOf<Job>> {
    return new Promise((resolve, reject) => {
      // The plan of a job gives the result of its kind; the queue holds jobs of all kinds.
      const pending: Pending = { job, resolve: resolve as Pending["resolve"], reject };
      this.#queue.add({ household: job.household, job: pending, size: sizeOf(job) });
    });
  }

  /** Resolves when every job has been answered. */
  whenIdle(): Promise<void> {
    return this.#queue.whenIdle();
  }

  async #runGroup(jobs: readonly Pending[], nextMayBegin: () => void): Promise<void> {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const group = jobs.map((pending): Running => {
      const run: HouseholdRun = { ended, known: undefined };
      const { job } = pending;
      return { job, pending, run, before: this.#runs.begin(job.household, run), attempt: undefined };
    });
    try {
      if (await this.#attemptForeseen(group, nextMayBegin)) return;
      await predecessorsOf(group);
      const again = await this.#attempt(group, { alone: group.length === 1, last: false, nextMayBegin });
      for (const running of again) await this.#attempt([running], { alone: true, last: true, nextMayBegin: () => {} });
    } finally {
      end();
    }
  }

  /** Commits a group as memory foresees it; false when it has to be run in the ordinary way. */
  async #attemptForeseen(group: readonly Running[], nextMayBegin: () => void): Promise<boolean> {
    const foreseen = group.map((running) => this.#foresee(running));
    if (!foreseen.every((one) => one !== undefined)) return false;
    const startedMs = performance.now();
    for (const [index, { run }] of group.entries()) run.known = foreseen[index]?.known;
    try {
      await commitForeseen(foreseen, nextMayBegin, this.#options.database);
    } catch (error) {
      for (const { run } of group) run.known = undefined;
      const outcome = isDisproved(error) ? "disproved" : "failed";
      if (outcome === "failed") for (const [index, running] of group.entries()) running.attempt = foreseen[index];
      this.#report({ jobs: group.length, versions: 0, durationMs: performance.now() - startedMs, outcome });
      return false;
    }
    this.#report({
      jobs: group.length,
      versions: foreseen.reduce((sum, { writes }) => sum + writes.versions.length, 0),
      durationMs: performance.now() - startedMs,
      outcome: "committed",
    });
    // The transaction before was committed first, but on another connection: it may not have heard of it yet.
    await predecessorsOf(group);
    for (const [index, running] of group.entries()) this.#answer(running, foreseen[index]);
    return true;
  }

  #foresee({ job, before }: Running): Foreseen | undefined {
    const facts = before?.known === undefined ? undefined : foreseenFacts(job, before.known);
    if (before?.known === undefined || facts === undefined) return undefined;
    const plan = this.#planOrNothing(job, facts);
    if (plan?.kind !== "ready" || plan.writes === undefined || !provesItself(job, plan.writes)) return undefined;
    const { result, writes } = plan;
    const { household } = job;
    return { kind: "done", household, result, writes, stored: false, known: knownAfter(before.known, writes) };
  }

  /** What refuses a job is said by the ordinary way, which knows and does not only foresee. */
  #planOrNothing(job: CommitJob, facts: Parameters<typeof planCommit>[1]): CommitPlan | undefined {
    try {
      return planCommit(job, facts, { ...this.#transactions.context, nowUs: this.#options.clock.now() });
    } catch {
      return undefined;
    }
  }

  /** Runs one transaction and answers its jobs; returns those that have to be run again, alone. */
  async #attempt(group: readonly Running[], { alone, last, nextMayBegin }: Attempt): Promise<readonly Running[]> {
    const startedMs = performance.now();
    const foresee = (planned: readonly Finished[]) => {
      for (const [index, { run }] of group.entries()) run.known = knownOf(planned[index]);
      if (group.every(({ run }) => run.known !== undefined)) nextMayBegin();
    };
    try {
      const finished = await commitGroup(group, alone, foresee, this.#transactions);
      const versions = finished.reduce(
        (sum, one) => sum + (one.kind === "done" ? (one.writes?.versions.length ?? 0) : 0),
        0,
      );
      const durationMs = performance.now() - startedMs;
      this.#report({ jobs: group.length, versions, durationMs, outcome: "committed" });
      return group.filter((running, index) => this.#answer(running, finished[index]));
    } catch (error) {
      for (const { run } of group) run.known = undefined;
      this.#report({
        jobs: group.length,
        versions: 0,
        durationMs: performance.now() - startedMs,
        outcome: "failed",
      });
      // After a lost answer the next transaction finds out what became of this one.
      const lost = isConnectionFailure(error) && group.every(({ attempt }) => attempt !== undefined);
      if (last || (alone && !lost)) {
        for (const { pending } of group) pending.reject(error);
        return [];
      }
      // One bad job must not sink the others of its group.
      this.#options.log.warn({ err: error, households: group.length }, "commit.group-failed");
      return group;
    }
  }

  #report(report: GroupReport): void {
    this.#options.onGroup?.(report);
  }

  /** True when the job has to be run again. */
  #answer({ job, pending, run }: Running, finished: Finished | undefined): boolean {
    if (finished === undefined || finished.kind === "locked") return true;
    if (finished.kind === "refused") {
      pending.reject(finished.error);
      return false;
    }
    run.known = finished.known;
    if (finished.writes !== undefined) this.#announce(job, finished.writes);
    pending.resolve(finished.result);
    return false;
  }

  #announce(job: CommitJob, writes: CommitWrites): void {
    try {
      this.#options.onCommit({
        household: job.household,
        position: writes.position,
        firstSeq: writes.versions[0]?.seq ?? 0,
        lastSeq: writes.versions.at(-1)?.seq ?? 0,
        heads: writes.heads.toSorted((a, b) => a.seq - b.seq),
        originDevice: job.kind === "push" ? job.device : undefined,
        conflicts: [...writes.newConflicts, ...writes.changedConflicts],
      });
    } catch (error) {
      // The commit is durable: whatever follows it must never change the answer.
      this.#options.log.error({ err: error }, "commit.listener-failed");
    }
  }
}

function knownOf(finished: Finished | undefined): KnownLog | undefined {
  return finished?.kind === "done" ? finished.known : undefined;
}

async function predecessorsOf(group: readonly Running[]): Promise<void> {
  await Promise.all(group.map(({ before }) => before?.ended));
}

function sizeOf(job: CommitJob): number {
  return job.kind === "push" ? job.changes.length : 1;
}
