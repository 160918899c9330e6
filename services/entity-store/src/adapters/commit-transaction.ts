import type { Clock } from "@funkygibbon/kernel/clock";
import { DomainError, internal, notFound } from "@funkygibbon/kernel/errors";
import type { Epoch, HouseholdId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import { textArray } from "@funkygibbon/postgres/binary-array";
import type { Database } from "@funkygibbon/postgres/database";
import { isUniqueViolation, sqlState } from "@funkygibbon/postgres/postgres-error";
import type { Statement, Transaction } from "@funkygibbon/postgres/transaction";
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
      readonly writes: CommitWrites | undefined;
      /** The log as it is after the job. */
      readonly known: KnownLog;
    }
  | { readonly kind: "refused"; readonly error: unknown }
  /** Somebody else has locked the household: not now, and not at the others' cost. */
  | { readonly kind: "locked" };

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
 * commit. A group passes over households that somebody else has locked; a job that is `alone` waits for its lock.
 * @param sent called with what is on its way to be committed.
 */
export async function commitGroup(
  jobs: readonly CommitJob[],
  alone: boolean,
  sent: (finished: readonly Finished[]) => void,
  options: CommitTransactionOptions,
): Promise<Finished[]> {
  return writing(options.database, householdsOf(jobs), async (tx) => {
    const finished = await planGroup(tx, jobs, alone, options);
    const writes = finished.flatMap((one, index): HouseholdWrites[] => {
      const household = jobs[index]?.household;
      return one.kind === "done" && one.writes !== undefined && household !== undefined
        ? [{ household, writes: one.writes }]
        : [];
    });
    setImmediate(sent, finished);
    return { result: finished, writes };
  });
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
  jobs: readonly CommitJob[],
  alone: boolean,
  { clock, context }: CommitTransactionOptions,
): Promise<Finished[]> {
  const sheets = jobs.map(() => emptySheet());
  const [positions] = await Promise.all([
    lockHouseholds(tx, householdsOf(jobs), !alone),
    readFacts(tx, asking(jobs, sheets, jobs.map(initialNeeds))),
  ]);
  const nowUs = clock.now();
  const finished: (Finished | undefined)[] = jobs.map((job) => {
    if (positions.has(job.household)) return undefined;
    return alone ? { kind: "refused", error: notFound("household", job.household) } : { kind: "locked" };
  });
  for (let round = 0; round < MAX_READ_ROUNDS; round++) {
    const needs = jobs.map((job, index): FactNeeds | undefined => {
      const locked = positions.get(job.household);
      const sheet = sheets[index];
      if (finished[index] !== undefined || locked === undefined || sheet === undefined) return undefined;
      const plan = planOne(job, { ...sheet, ...locked }, { ...context, nowUs });
      if (plan.kind === "needs") return plan.needs;
      finished[index] = plan.kind === "ready" ? done(plan, { position: locked.position, clocks: sheet.clocks }) : plan;
      return undefined;
    });
    const asked = asking(jobs, sheets, needs);
    if (asked.length === 0) break;
    await readFacts(tx, asked);
  }
  return finished.map((one) => one ?? { kind: "refused", error: internal("a commit plan never had enough facts") });
}

function done(plan: CommitPlan & { readonly kind: "ready" }, before: KnownLog): Finished {
  const { result, writes } = plan;
  return { kind: "done", result, writes, known: knownAfter(before, writes) };
}

interface RefusedPlan {
  readonly kind: "refused";
  readonly error: DomainError;
}

function planOne(job: CommitJob, facts: FactSheet & LockedHousehold, context: PlanContext): CommitPlan | RefusedPlan {
  try {
    return planCommit(job, facts, context);
  } catch (error) {
    if (error instanceof DomainError) return { kind: "refused", error };
    return { kind: "refused", error: internal("a commit could not be planned", error) };
  }
}

function householdsOf(jobs: readonly CommitJob[]): HouseholdId[] {
  return jobs.map(({ household }) => household);
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
