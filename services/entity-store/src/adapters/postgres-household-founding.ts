import { randomFillSync } from "node:crypto";
import type { Clock } from "@funkygibbon/kernel/clock";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import { uuidV7 } from "@funkygibbon/kernel/uuid";
import type { Database } from "@funkygibbon/postgres/database";
import type { Statement } from "@funkygibbon/postgres/transaction";
import type { CommitJob, CommitLog, ResultOf } from "../domain/commit-job.ts";
import type { HouseholdFounding } from "../domain/log-reads.ts";

/** How many households are remembered as founded; forgetting one costs a statement. */
const MAX_REMEMBERED = 100_000;

/** Founds households in PostgreSQL. */
export class PostgresHouseholdFounding implements HouseholdFounding {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #founded = new Set<HouseholdId>();

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async found(household: HouseholdId): Promise<void> {
    if (this.#founded.has(household)) return;
    const now = this.#clock.now();
    const epoch = uuidV7(now, randomFillSync(new Uint8Array(10)));
    await this.#database.inTransaction({ households: [household] }, async (tx) => {
      await Promise.all([tx.execute(FOUND, [household, epoch, now]), tx.execute(FOUND_RELAY, [household])]);
    });
    if (this.#founded.size >= MAX_REMEMBERED) this.#founded.clear();
    this.#founded.add(household);
  }

  /** The database may have been replaced under our feet. */
  forget(household: HouseholdId): void {
    this.#founded.delete(household);
  }
}

/** Founds the household of a writer on its first contact (docs: contracts, Identity); whoever commits may write. */
export function foundingCommits(commits: CommitLog, founding: PostgresHouseholdFounding): CommitLog {
  return {
    async commit<Job extends CommitJob>(job: Job): Promise<ResultOf<Job>> {
      await founding.found(job.household);
      try {
        return await commits.commit(job);
      } catch (error) {
        const gone = error instanceof DomainError && error.kind === "not-found" && error.details.id === job.household;
        if (!gone) throw error;
        founding.forget(job.household);
        await founding.found(job.household);
        return commits.commit(job);
      }
    },
  };
}

const FOUND: Statement = {
  name: "households.found",
  text: `insert into households (household_id, epoch, created_us) values ($1, $2::uuid, $3)
    on conflict (household_id) do nothing`,
};

const FOUND_RELAY: Statement = {
  name: "households.found_relay",
  text: "insert into relay_positions (household_id) values ($1) on conflict (household_id) do nothing",
};
