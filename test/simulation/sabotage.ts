import type { StoreBatch } from "../../libs/client/src/store.ts";
import type { CommitJob, DevicePush, PushResult, ResultOf } from "../../services/entity-store/src/domain/commit-job.ts";

/** A part of the system that is broken on purpose, at one of its ports: the simulation must notice. */
export interface Sabotage {
  /** Stands between the coordinators and the store. */
  readonly push?: (job: DevicePush, commit: (job: DevicePush) => PushResult) => PushResult;
  /** Stands between a device and its disk. */
  readonly batch?: (batch: StoreBatch) => StoreBatch;
}

/** Commits a job through whatever is broken. */
export function commitThrough<Job extends CommitJob>(
  { push }: Sabotage,
  job: Job,
  commit: <Any extends CommitJob>(job: Any) => ResultOf<Any>,
): ResultOf<Job> {
  if (push === undefined || job.kind !== "push") return commit(job);
  // A job of kind "push" is a DevicePush, and its result a PushResult.
  return push(job, (broken) => commit(broken)) as ResultOf<Job>;
}

/** What can be broken, and which invariant says so. */
export const SABOTAGES: readonly (readonly [what: string, invariant: string, sabotage: Sabotage])[] = [
  ["a store that answers every fifth push and keeps nothing of it", "I1", { push: everyFifth(answerOnly) }],
  ["a store that believes the clocks of devices", "I7", { push: believeClocks }],
  ["a store that answers heals and keeps nothing of them", "I13", { push: forgetHeals }],
  ["rules by which whoever comes first wins", "I6", { push: keepHeads(({ deleted }) => !deleted) }],
  ["rules by which a deletion loses to an edit", "I9", { push: keepHeads(({ deleted }) => deleted) }],
  ["a device that keeps its edits in memory only", "I10", { batch: (batch) => ({ ...batch, putEdits: [] }) }],
  ["a device that forgets the bodies that it pulls", "I2", { batch: forgetBodies }],
];

type Push = NonNullable<Sabotage["push"]>;

function everyFifth(broken: Push): Push {
  let count = 0;
  return (job, commit) => {
    count += 1;
    return count % 5 === 0 ? broken(job, commit) : commit(job);
  };
}

function answerOnly(job: DevicePush, commit: (job: DevicePush) => PushResult): PushResult {
  const nothing = commit({ ...job, changes: [] });
  const outcomes = job.changes.map((prepared) => {
    const { record, version } = prepared.kind === "valid" ? prepared.change : prepared;
    const headSeq = nothing.position.headSeq;
    return { record, version, outcome: "applied", duplicate: false, rejection: undefined, headSeq } as const;
  });
  return { ...nothing, outcomes };
}

function forgetHeals(job: DevicePush, commit: (job: DevicePush) => PushResult): PushResult {
  const heals = job.changes.some((prepared) => prepared.kind === "valid" && prepared.change.heal !== undefined);
  return heals ? answerOnly(job, commit) : commit(job);
}

function believeClocks(job: DevicePush, commit: (job: DevicePush) => PushResult): PushResult {
  return commit({ ...job, receivedUs: Number.MAX_SAFE_INTEGER, clockOffsetUs: 0 });
}

function keepHeads(which: (merged: { readonly deleted: boolean }) => boolean): Push {
  return (job, commit) =>
    commit({
      ...job,
      resolutions: job.resolutions.map((resolution) => {
        const { decision } = resolution;
        if (decision.kind !== "merged" || !which(decision.content)) return resolution;
        return { ...resolution, decision: { kind: "keep_head" } };
      }),
    });
}

function forgetBodies(batch: StoreBatch): StoreBatch {
  const putRecords = batch.putRecords.map((record) =>
    record.deleted ? record : { ...record, content: { ...record.content, bodyJson: "{}" } },
  );
  return { ...batch, putRecords };
}
