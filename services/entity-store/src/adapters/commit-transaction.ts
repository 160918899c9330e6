import type { Clock } from "@funkygibbon/kernel/clock";
import { DomainError, internal, notFound } from "@funkygibbon/kernel/errors";
import type { Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import { textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import { isUniqueViolation, sqlState } from "@funkygibbon/postgres/postgres-error";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
import { type CommitAttempt, lookForAttempt } from "../domain/commit-attempt.ts";
import { emptySheet, type FactNeeds, type FactSheet } from "../domain/commit-facts.ts";
import type { CommitJob, ResultOf } from "../domain/commit-job.ts";
import type { CommitPlan, CommitWrites } from "../domain/commit-plan.ts";
import { type KnownLog, knownAfter } from "../domain/foresee.ts";
import { initialNeeds, planCommit } from "../domain/plan-commit.ts";
import type { PlanContext } from "../domain/working-log.ts";
import { type Asking, readFacts } from "./read-facts.ts";
import { type HouseholdWrites, writeStatements } from "./write-commits.ts";

/** What became of a job in its transaction. */
export type Finished =
  | {
      readonly kind: "done";
      readonly result: ResultOf<CommitJob>;
      /** What is new in the log by it. */
      readonly writes: CommitWrites | undefined;
      /** An earlier transaction has written it already. */
      readonly stored: boolean;
      /** The log as it is after the job. */
      readonly known: KnownLog;
    }
  | { readonly kind: "refused"; readonly error: unknown }
  /** Somebody else has locked the household: not now, and not at the others' cost. */
  | { readonly kind: "locked" };

/** A job on its way into the log. */
export interface TriedJob {
  readonly job: CommitJob;
  /** What the last transaction was to do for it. */
  attempt: CommitAttempt | undefined;
}

/** What a transaction of the log is run with. */
export interface CommitTransactionOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly context: Omit<PlanContext, "nowUs">;
}

/** Above this a plan that still asks is broken: each round brings what all changes miss. */
const MAX_READ_ROUNDS = 12;

/**
 * Commits a group of jobs of different households in one transaction and two round trips: lock and read, then write and
 * commit. A group passes over households that somebody else has locked; a job that is `alone` waits for its lock. What
 * is attempted for each job is noted on it; what an earlier attempt has written is found and not written again.
 * @param sent called with what is on its way to be committed.
 */
export async function commitGroup(
  tried: readonly TriedJob[],
  alone: boolean,
  sent: (finished: readonly Finished[]) => void,
  options: CommitTransactionOptions,
): Promise<Finished[]> {
  const households = tried.map(({ job }) => job.household);
  return writing(options.database, households, async (tx) => {
    const finished = await planGroup(tx, tried, alone, options);
    const writes: HouseholdWrites[] = [];
    for (const [index, one] of tried.entries()) {
      const attempt = attemptOf(finished[index]);
      if (attempt === undefined) continue;
      one.attempt = attempt;
      writes.push({ household: one.job.household, writes: attempt.writes });
    }
    setImmediate(sent, finished);
    return { result: finished, writes };
  });
}

function attemptOf(finished: Finished | undefined): CommitAttempt | undefined {
  if (finished?.kind !== "done" || finished.stored || finished.writes === undefined) return undefined;
  return { result: finished.result, writes: finished.writes };
}

/**
 * Commits plans that were made from memory, in one round trip. Nobody is waited for unless one household is written
 * alone: then its own last transaction may still be under way.
 * @param sent called when everything is on its way.
 * @throws whatever failed; {@link isDisproved} tells whether memory was wrong, and nothing else.
 */
export async function commitForeseen(
  writes: readonly HouseholdWrites[],
  sent: () => void,
  database: Database,
): Promise<void> {
  const households = writes.map(({ household }) => household);
  await writing(database, households, async (tx) => {
    // Locked ahead of the writes, which take a while to arrive: the next transaction must not slip in between.
    tx.query(households.length > 1 ? LOCK_NOW : LOCK_IN_TURN, [textArray(households)]).catch(() => {});
    setImmediate(sent);
    return { result: undefined, writes: writes.toSorted((a, b) => (a.household < b.household ? -1 : 1)) };
  });
}

/** Whether a transaction failed because the log is not what its plan took it for. */
export function isDisproved(error: unknown): boolean {
  return isUniqueViolation(error) || sqlState(error) === "FG001" || sqlState(error) === "55P03";
}

/** A transaction whose writes travel together with its COMMIT. */
async function writing<T>(
  database: Database,
  households: readonly HouseholdId[],
  work: (tx: Transaction) => Promise<{ readonly result: T; readonly writes: readonly HouseholdWrites[] }>,
): Promise<T> {
  let written: Promise<unknown> | undefined;
  try {
    return await database.inTransaction({ households }, async (tx) => {
      const { result, writes } = await work(tx);
      // All of it, before any of it is sent: PostgreSQL would commit what it was sent without the rest.
      const statements = writeStatements(writes);
      // Not awaited: COMMIT travels right behind the writes, in the same round trip. If PostgreSQL refuses one, it
      // answers that COMMIT with a rollback, and inTransaction throws.
      written = Promise.all(statements.map(({ statement, values }) => tx.query(statement, values)));
      written.catch(() => {});
      return result;
    });
  } finally {
    // Why a write failed tells more than that the transaction was rolled back; and none may have failed unnoticed.
    await written;
  }
}

async function planGroup(
  tx: Transaction,
  tried: readonly TriedJob[],
  alone: boolean,
  { clock, context }: CommitTransactionOptions,
): Promise<Finished[]> {
  const jobs = tried.map(({ job }) => job);
  const sheets = jobs.map(() => emptySheet());
  const [positions] = await Promise.all([
    lockHouseholds(
      tx,
      jobs.map(({ household }) => household),
      !alone,
    ),
    readFacts(tx, asking(jobs, sheets, jobs.map(initialNeeds))),
  ]);
  const nowUs = clock.now();
  const finished: (Finished | undefined)[] = jobs.map((job) => {
    if (positions.has(job.household)) return undefined;
    return alone ? { kind: "refused", error: notFound("household", job.household) } : { kind: "locked" };
  });
  for (let round = 0; round < MAX_READ_ROUNDS; round++) {
    const needs = tried.map((one, index): FactNeeds | undefined => {
      const locked = positions.get(one.job.household);
      const sheet = sheets[index];
      if (finished[index] !== undefined || locked === undefined || sheet === undefined) return undefined;
      const plan = planOne(one, { ...sheet, ...locked }, { ...context, nowUs });
      if (plan.kind === "needs") return plan.needs;
      finished[index] =
        plan.kind === "refused" ? plan : done(plan, { position: locked.position, clocks: sheet.clocks });
      return undefined;
    });
    const asked = asking(jobs, sheets, needs);
    if (asked.length === 0) break;
    await readFacts(tx, asked);
  }
  return finished.map((one) => one ?? { kind: "refused", error: internal("a commit plan never had enough facts") });
}

function done({ kind, result, writes }: ReadyPlan | StoredPlan, before: KnownLog): Finished {
  const stored = kind === "stored";
  return { kind: "done", result, writes, stored, known: stored ? before : knownAfter(before, writes) };
}

type ReadyPlan = Extract<CommitPlan, { kind: "ready" }>;

interface StoredPlan extends CommitAttempt {
  readonly kind: "stored";
}

interface RefusedPlan {
  readonly kind: "refused";
  readonly error: DomainError;
}

function planOne(
  { job, attempt }: TriedJob,
  facts: FactSheet & LockedHousehold,
  context: PlanContext,
): CommitPlan | RefusedPlan | StoredPlan {
  try {
    const found = attempt && lookForAttempt(attempt, facts);
    if (found?.kind === "needs") return found;
    if (attempt !== undefined && found?.stored === true) {
      return { kind: "stored", result: attempt.result, writes: attempt.writes };
    }
    return planCommit(job, facts, context);
  } catch (error) {
    if (error instanceof DomainError) return { kind: "refused", error };
    return { kind: "refused", error: internal("a commit could not be planned", error) };
  }
}

function asking(
  jobs: readonly CommitJob[],
  sheets: readonly FactSheet[],
  needs: readonly (FactNeeds | undefined)[],
): Asking[] {
  return jobs.flatMap(({ household }, index) => {
    const sheet = sheets[index];
    const asked = needs[index];
    return sheet === undefined || asked === undefined ? [] : [{ household, sheet, needs: asked }];
  });
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

const LOCK_IN_TURN: Statement = {
  name: "commit.lock_in_turn",
  text: "select household_id from households where household_id = any ($1::text[]) order by household_id for update",
};

/** Fails at once when somebody else holds one of them. */
const LOCK_NOW: Statement = { name: "commit.lock_now", text: `${LOCK_IN_TURN.text} nowait` };
