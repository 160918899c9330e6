import type { Micros } from "@funkygibbon/kernel/clock";
import { must } from "@funkygibbon/kernel/must";
import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import { type CommitFacts, sequenceKey } from "./commit-facts.ts";
import type { DevicePush, PushResult } from "./commit-job.ts";
import { type CommitPlan, writesOf } from "./commit-plan.ts";
import { ConflictBook } from "./conflict-book.ts";
import { effectiveTimes } from "./effective-times.ts";
import { MissingFacts } from "./missing-fact.ts";
import { type Answer, PlanChanges } from "./plan-changes.ts";
import type { PreparedChange, ValidChange } from "./prepared-change.ts";
import { PushOrder } from "./push-order.ts";
import { isSameEdit, VERSION_REUSED } from "./same-edit.ts";
import type { StoredVersion } from "./stored-version.ts";
import { type PlanContext, WorkingLog } from "./working-log.ts";

/** Plans a push: what each edit becomes, and what is written for all of them. */
export function planPush(job: DevicePush, facts: CommitFacts, context: PlanContext): CommitPlan<DevicePush> {
  const log = new WorkingLog(facts, context);
  const book = new ConflictBook(log);
  const missing = new MissingFacts();
  const { unique, repeated } = withoutRepeats(job, facts);
  const order = new PushOrder(unique);
  const times = effectiveTimes(unique, job, { log, order }, missing);
  const changes = new PlanChanges({ job, log, book, missing, order, times });
  for (const change of order.inOrder) changes.visit(change);
  const divergences = changes.divergences();

  const outcomes = job.changes.map((prepared): ChangeOutcome | undefined => {
    if (prepared.kind === "rejected") {
      return outcome(prepared, { outcome: "rejected", duplicate: false, rejection: prepared.rejection }, 0);
    }
    const { change } = prepared;
    const repeat = repeated.get(change);
    const answer = repeat === undefined ? changes.answerOf(change) : answerRepeat(repeat, changes);
    if (answer === undefined) return undefined;
    const headSeq = missing.attempt(() => log.head(change.record)?.seq ?? 0) ?? 0;
    return outcome(change, answer, headSeq);
  });
  if (missing.any) return { kind: "needs", needs: missing.needs };
  const writes = writesOf(log, book, undefined);
  const result: PushResult = {
    kind: "push",
    outcomes,
    applied: appliedInOrder(job, log),
    divergences,
    conflicts: [...book.inserted, ...book.updated],
    position: log.position,
    firstSeq: log.versions[0]?.seq ?? 0,
    lastSeq: log.versions.at(-1)?.seq ?? 0,
    deviceVersion: newestOf(job, log),
    newestUs: newestTime(job, times),
  };
  return { kind: "ready", result, writes };
}

/** What a repeated change repeats: the first one, or only its sequence. */
type Repeat = { readonly kind: "same"; readonly first: ValidChange } | { readonly kind: "reused" };

function withoutRepeats(job: DevicePush, facts: CommitFacts) {
  const unique: ValidChange[] = [];
  const first = new Map<string, ValidChange>();
  const repeated = new Map<ValidChange, Repeat>();
  for (const prepared of job.changes) {
    if (prepared.kind === "rejected") continue;
    const { change } = prepared;
    const key = sequenceKey(change);
    const earlier = first.get(key);
    const inLog = facts.sequences.get(key) != null;
    // What the log has is compared with that, each for itself: a resend stays one beside a change that takes its sequence.
    if (earlier !== undefined && !inLog) {
      repeated.set(change, isSameEdit(change, earlier) ? { kind: "same", first: earlier } : { kind: "reused" });
      continue;
    }
    first.set(key, change);
    unique.push(change);
  }
  return { unique, repeated };
}

function answerRepeat(repeat: Repeat, changes: PlanChanges): Answer | undefined {
  if (repeat.kind === "reused") return { outcome: "rejected", duplicate: false, rejection: VERSION_REUSED };
  const answer = changes.answerOf(repeat.first);
  return answer === undefined ? undefined : { ...answer, duplicate: answer.rejection === undefined };
}

function outcome(
  change: { readonly record: string; readonly version: string },
  answer: Answer,
  headSeq: number,
): ChangeOutcome {
  return { record: change.record, version: change.version, headSeq, ...answer };
}

function appliedInOrder({ changes }: DevicePush, log: WorkingLog): readonly StoredVersion[] | undefined {
  const { versions } = log;
  if (versions.length === 0 || versions.length !== changes.length) return undefined;
  const inOrder = versions.every(
    ({ version, outcome, seq, record }, index) =>
      outcome === "applied" && version === versionOf(changes[index]) && log.head(record)?.seq === seq,
  );
  return inOrder ? versions : undefined;
}

function versionOf(prepared: PreparedChange | undefined): string | undefined {
  return prepared?.kind === "valid" ? prepared.change.version : undefined;
}

function newestTime({ device, notBeforeUs }: DevicePush, times: ReadonlyMap<ValidChange, Micros>): Micros {
  let newestUs = notBeforeUs;
  for (const [change, timeUs] of times) if (change.device === device) newestUs = Math.max(newestUs, timeUs);
  return newestUs;
}

function newestOf(job: DevicePush, log: WorkingLog) {
  const raised = log.raisedClocks().find((clock) => clock.device === job.device);
  const stored = must(
    log.facts.clocks.has(job.device) ? { clock: log.facts.clocks.get(job.device) } : undefined,
    "a push asks for the clock of its device",
  ).clock;
  if (raised === undefined) return stored?.version;
  return stored != null && stored.sequence > raised.sequence ? stored.version : raised.version;
}
