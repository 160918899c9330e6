import { randomFillSync } from "node:crypto";
import type { Clock } from "@funkygibbon/kernel/clock";
import { DomainError, internal, notFound } from "@funkygibbon/kernel/errors";
import type { Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import { textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import type { Logger } from "@funkygibbon/runtime/log";
import { sha256 } from "@funkygibbon/runtime/sha256";
import { emptySheet, type FactNeeds, type FactSheet } from "../domain/commit-facts.ts";
import type { CommitJob, CommitLog, ResultOf } from "../domain/commit-job.ts";
import type { CommitListener } from "../domain/commit-notice.ts";
import type { CommitPlan, CommitWrites } from "../domain/commit-plan.ts";
import { initialNeeds, planCommit } from "../domain/plan-commit.ts";
import type { PlanContext } from "../domain/working-log.ts";
import { CommitQueue } from "./commit-queue.ts";
import { type Asking, readFacts } from "./read-facts.ts";
import { type HouseholdWrites, writeCommits } from "./write-commits.ts";

/** Options of {@link PostgresChangeLog}. */
export interface PostgresChangeLogOptions {
  /** As the application role; its connections are used for commits alone. */
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onCommit: CommitListener;
  /** Transactions at once; default 4, more gained nothing on two cores. */
  readonly lanes?: number;
  /** Told how each group went, for metrics. */
  readonly onGroup?: (group: GroupReport) => void;
}

/** How a transaction went. */
export interface GroupReport {
  readonly jobs: number;
  readonly versions: number;
  readonly durationMs: number;
  readonly failed: boolean;
}

/** Above this a plan that still asks is broken: each round brings what all changes miss. */
const MAX_READ_ROUNDS = 12;
const MAX_GROUP_HOUSEHOLDS = 16;
const MAX_GROUP_ROWS = 1_000;
const ALONE_FROM_CHANGES = 50;

/** A job together with whoever waits for it. */
interface Pending {
  readonly job: CommitJob;
  readonly resolve: (result: ResultOf<CommitJob>) => void;
  readonly reject: (error: unknown) => void;
}

type Finished =
  | { readonly kind: "done"; readonly result: ResultOf<CommitJob>; readonly writes: CommitWrites | undefined }
  | { readonly kind: "refused"; readonly error: unknown }
  /** Somebody else has locked the household: not now, and not at the others' cost. */
  | { readonly kind: "locked" };

/** The log of all households in PostgreSQL. One transaction for each group of jobs, in two round trips: lock and read, then write and commit. */
export class PostgresChangeLog implements CommitLog {
  readonly #options: PostgresChangeLogOptions;
  readonly #queue: CommitQueue<Pending>;
  readonly #context: Omit<PlanContext, "nowUs">;

  constructor(options: PostgresChangeLogOptions) {
    this.#options = options;
    this.#queue = new CommitQueue({
      lanes: options.lanes ?? 4,
      maxGroupHouseholds: MAX_GROUP_HOUSEHOLDS,
      maxGroupRows: MAX_GROUP_ROWS,
      aloneFromSize: ALONE_FROM_CHANGES,
      run: (group) => this.#runGroup(group),
    });
    this.#context = {
      sha256,
      newId: () => uuidV7(options.clock.now(), randomFillSync(new Uint8Array(10))),
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

  async #runGroup(group: readonly Pending[]): Promise<void> {
    const single = group.length === 1;
    const locked = await this.#attempt(group, single);
    for (const pending of locked) await this.#attempt([pending], true);
  }

  /** Runs one transaction and answers its jobs; returns those that have to be run again, alone. */
  async #attempt(group: readonly Pending[], alone: boolean): Promise<readonly Pending[]> {
    const startedMs = performance.now();
    try {
      const finished = await this.#transact(group, alone);
      const versions = finished.reduce(
        (sum, one) => sum + (one.kind === "done" ? (one.writes?.versions.length ?? 0) : 0),
        0,
      );
      this.#report({ jobs: group.length, versions, durationMs: performance.now() - startedMs, failed: false });
      return group.filter((pending, index) => this.#answer(pending, finished[index]));
    } catch (error) {
      this.#report({ jobs: group.length, versions: 0, durationMs: performance.now() - startedMs, failed: true });
      if (alone) {
        for (const pending of group) pending.reject(error);
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
  #answer(pending: Pending, finished: Finished | undefined): boolean {
    if (finished === undefined || finished.kind === "locked") return true;
    if (finished.kind === "refused") {
      pending.reject(finished.error);
      return false;
    }
    if (finished.writes !== undefined) this.#announce(pending.job, finished.writes);
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

  async #transact(group: readonly Pending[], alone: boolean): Promise<Finished[]> {
    const households = group.map(({ job }) => job.household);
    let writing: Promise<void> | undefined;
    try {
      return await this.#options.database.inTransaction({ households }, async (tx) => {
        const finished = await this.#plan(tx, group, alone);
        const writes = group.flatMap(({ job }, index): HouseholdWrites[] => {
          const one = finished[index];
          return one?.kind === "done" && one.writes !== undefined
            ? [{ household: job.household, writes: one.writes }]
            : [];
        });
        // Not awaited: COMMIT travels right behind the writes, in the same round trip. If a write fails, PostgreSQL
        // answers that COMMIT with a rollback, and inTransaction throws.
        writing = writes.length === 0 ? undefined : writeCommits(tx, writes);
        writing?.catch(() => {});
        return finished;
      });
    } catch (error) {
      // Why a write failed tells more than that the transaction was rolled back.
      await writing;
      throw error;
    }
  }

  async #plan(tx: Transaction, group: readonly Pending[], alone: boolean): Promise<Finished[]> {
    const households = group.map(({ job }) => job.household);
    const sheets = group.map(() => emptySheet());
    const [positions] = await Promise.all([
      lockHouseholds(tx, households, !alone),
      readFacts(
        tx,
        asking(
          group,
          sheets,
          group.map(({ job }) => initialNeeds(job)),
        ),
      ),
    ]);
    const nowUs = this.#options.clock.now();
    const finished: (Finished | undefined)[] = group.map(({ job }) => {
      if (positions.has(job.household)) return undefined;
      return alone ? { kind: "refused", error: notFound("household", job.household) } : { kind: "locked" };
    });
    for (let round = 0; round < MAX_READ_ROUNDS; round++) {
      const needs = group.map((pending, index): FactNeeds | undefined => {
        const locked = positions.get(pending.job.household);
        const sheet = sheets[index];
        if (finished[index] !== undefined || locked === undefined || sheet === undefined) return undefined;
        const plan = this.#planOne(pending.job, { ...sheet, ...locked }, nowUs);
        if (plan.kind === "needs") return plan.needs;
        finished[index] = plan.kind === "ready" ? { ...plan, kind: "done" } : plan;
        return undefined;
      });
      const asked = asking(group, sheets, needs);
      if (asked.length === 0) break;
      await readFacts(tx, asked);
    }
    return finished.map((one) => one ?? { kind: "refused", error: internal("a commit plan never had enough facts") });
  }

  #planOne(job: CommitJob, facts: FactSheet & LockedHousehold, nowUs: number): CommitPlan | RefusedPlan {
    try {
      return planCommit(job, facts, { ...this.#context, nowUs });
    } catch (error) {
      if (error instanceof DomainError) return { kind: "refused", error };
      return { kind: "refused", error: internal("a commit could not be planned", error) };
    }
  }
}

interface RefusedPlan {
  readonly kind: "refused";
  readonly error: DomainError;
}

function asking(
  group: readonly Pending[],
  sheets: readonly FactSheet[],
  needs: readonly (FactNeeds | undefined)[],
): Asking[] {
  return group.flatMap(({ job }, index) => {
    const sheet = sheets[index];
    const asked = needs[index];
    return sheet === undefined || asked === undefined ? [] : [{ household: job.household, sheet, needs: asked }];
  });
}

function sizeOf(job: CommitJob): number {
  return job.kind === "push" ? job.changes.length : 1;
}

interface LockedHousehold {
  readonly position: LogPosition;
  readonly anyOpenConflict: boolean;
}

/** Locks households until the end of the transaction; with `skipLocked` those that somebody else holds are left out. */
async function lockHouseholds(
  tx: Transaction,
  households: readonly HouseholdId[],
  skipLocked: boolean,
): Promise<Map<HouseholdId, LockedHousehold>> {
  const rows = await tx.query<LockRow>(LOCK, [textArray(households), skipLocked]);
  return new Map(
    rows.map((row) => [
      row.household_id as HouseholdId,
      {
        position: {
          epoch: row.epoch as Epoch,
          headSeq: row.head_seq,
          digest: BigInt.asUintN(64, BigInt(row.digest)),
          committedUs: row.committed_us,
        },
        anyOpenConflict: row.any_open_conflict,
      },
    ]),
  );
}

interface LockRow {
  readonly household_id: string;
  readonly epoch: string;
  readonly head_seq: number;
  readonly digest: string;
  readonly committed_us: number;
  readonly any_open_conflict: boolean;
}

const LOCK: Statement = {
  name: "commit.lock",
  text: `select household_id, epoch, head_seq, digest::text, committed_us, any_open_conflict
    from commit_lock($1::text[], $2::bool)`,
};
