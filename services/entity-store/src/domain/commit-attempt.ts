import { type CommitFacts, type FactNeeds, versionKey } from "./commit-facts.ts";
import type { CommitJob, ResultOf } from "./commit-job.ts";
import type { CommitWrites } from "./commit-plan.ts";
import { known, MissingFacts } from "./missing-fact.ts";

/** What a transaction was to do whose end nobody knows, because the answer to its COMMIT was lost. */
export interface CommitAttempt {
  readonly result: ResultOf<CommitJob>;
  readonly writes: CommitWrites;
}

/**
 * Whether the log holds what was attempted: then it is the job's answer, and planning it anew would find its own traces
 * (a create that exists already, an etag that is outdated). One of its rows tells, since it has all of them or none; and
 * nobody else's is taken for it, since position and commit time are compared to the microsecond.
 */
export function lookForAttempt(
  { writes }: CommitAttempt,
  facts: CommitFacts,
): { readonly kind: "known"; readonly stored: boolean } | { readonly kind: "needs"; readonly needs: FactNeeds } {
  const missing = new MissingFacts();
  const stored = missing.attempt(() => holds(writes, facts));
  return stored === undefined ? { kind: "needs", needs: missing.needs } : { kind: "known", stored };
}

function holds({ versions: [version], newConflicts, changedConflicts }: CommitWrites, facts: CommitFacts): boolean {
  if (version !== undefined) {
    const key = versionKey(version);
    const stored = known(facts.versions.get(key), (needs) => needs.versions.set(key, version));
    return stored?.seq === version.seq && stored.committedUs === version.committedUs;
  }
  const [conflict] = [...newConflicts, ...changedConflicts];
  if (conflict === undefined) return false;
  const row = known(facts.conflicts.get(conflict.id), (needs) => needs.conflicts.add(conflict.id));
  return row?.etag === conflict.etag && row.openedUs === conflict.openedUs && row.settledUs === conflict.settledUs;
}
