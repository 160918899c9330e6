import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { MAX_DEFERRAL_MS } from "@funkygibbon/kernel/limits";
import { must } from "@funkygibbon/kernel/must";
import type { Divergence, Outcome, Rejection, StoredOutcome } from "@funkygibbon/kernel/record";
import type { VersionId } from "@funkygibbon/kernel/version";
import { acceptWithCascade } from "./cascade.ts";
import { sequenceKey } from "./commit-facts.ts";
import type { DevicePush } from "./commit-job.ts";
import { type ConflictBook, UNDECIDED } from "./conflict-book.ts";
import { type EdgeVerdict, judgeEdge } from "./edge-rules.ts";
import { editAsStored } from "./edit-as-stored.ts";
import { identityFault } from "./identity-fault.ts";
import { eachWithFacts, known, type MissingFacts } from "./missing-fact.ts";
import { planResolution } from "./plan-resolution.ts";
import type { ValidChange } from "./prepared-change.ts";
import type { PushOrder } from "./push-order.ts";
import { refusedDraft } from "./refused-draft.ts";
import { isSameEdit, VERSION_REUSED } from "./same-edit.ts";
import type { Head, StoredVersion } from "./stored-version.ts";
import type { Appended, WorkingLog } from "./working-log.ts";

/** The answer to one change, without what its record and head say. */
export interface Answer {
  readonly outcome: Outcome;
  readonly duplicate: boolean;
  readonly rejection: Rejection | undefined;
}

/** What a push is planned with. */
export interface PushPlanning {
  readonly job: DevicePush;
  readonly log: WorkingLog;
  readonly book: ConflictBook;
  readonly missing: MissingFacts;
  readonly order: PushOrder;
  readonly times: ReadonlyMap<ValidChange, Micros>;
}

/** A change whose history has parted from its record's, as it would be stored. */
interface Diverged {
  readonly change: ValidChange;
  readonly local: Appended;
  /** As of when it and the diverged edits below it count. */
  readonly times: string;
}

/** Plans the changes of one push, one after another (docs/protocol.md, section 4, rule 1). */
export class PlanChanges {
  readonly #planning: PushPlanning;
  readonly #visited = new Set<ValidChange>();
  readonly #answers = new Map<ValidChange, Answer>();
  /** Changes whose histories have parted and that are not resolved, as they would be stored. */
  readonly #diverged = new Map<VersionId, Diverged>();

  constructor(planning: PushPlanning) {
    this.#planning = planning;
  }

  /** The answer to a change; undefined when it has diverged. */
  answerOf(change: ValidChange): Answer | undefined {
    return this.#answers.get(change);
  }

  /** Plans a change after those of the push that it builds on. */
  visit(change: ValidChange): void {
    if (this.#visited.has(change)) return;
    this.#visited.add(change);
    const { order, missing } = this.#planning;
    for (const parent of order.parentsOf(change)) this.visit(parent);
    missing.attempt(() => {
      this.#visitEnds(change);
      const answer = this.#plan(change);
      if (answer !== undefined) this.#answers.set(change, answer);
    });
  }

  /**
   * What conflict-resolution has to decide: one divergence for each record, with the edits below it. Of several tips of one
   * record the others wait: deciding the first mostly moves the head that they would be decided against.
   */
  divergences(): Divergence[] {
    const { order, missing } = this.#planning;
    const below = new Set<VersionId>();
    for (const { change } of this.#diverged.values()) {
      for (const parent of order.parentsOf(change)) below.add(parent.version);
    }
    const tips = new Map<RecordId, Diverged>();
    for (const diverged of this.#diverged.values()) {
      const { record, version } = diverged.change;
      if (!below.has(version) && !tips.has(record)) tips.set(record, diverged);
    }
    return [...tips.values()].flatMap((diverged) => missing.attempt(() => this.#divergence(diverged)) ?? []);
  }

  /** Ends that this very push brings must be there before their edge, wherever they stand in it. */
  #visitEnds(change: ValidChange): void {
    const { content } = change;
    if (content.kind === "entity" || change.deleted) return;
    for (const end of [content.from, content.to]) {
      const head = this.#planning.log.head(end);
      if (head !== undefined && !head.deleted) continue;
      for (const other of this.#planning.order.of(end)) this.visit(other);
    }
  }

  #plan(change: ValidChange): Answer | undefined {
    const { log, book, order } = this.#planning;
    const earlier = known(log.facts.sequences.get(sequenceKey(change)), (needs) =>
      needs.sequences.set(sequenceKey(change), change),
    );
    if (earlier !== null) {
      return isSameEdit(change, earlier)
        ? { outcome: earlier.outcome, duplicate: true, rejection: undefined }
        : rejected(VERSION_REUSED);
    }
    if (change.heal !== undefined && log.mints(change.device)) return rejected(MINTED_HERE);
    const head = log.head(change.record);
    const mismatch = head === undefined ? undefined : identityFault(change.content, head);
    if (mismatch !== undefined) return rejected(mismatch);
    const shared = order.parentsOf(change).flatMap((parent) => this.#answers.get(parent) ?? []);
    const fate = shared.find((answer) => sharesFate(change, answer));
    if (fate !== undefined) return fate;

    if (head === undefined) return this.#planWithoutHead(change);
    if (change.parents.includes(head.version)) return this.#planFastForward(change);
    if (book.lineage(change.record).isNamedAncestor(change.version)) {
      return this.#preserve(change, "superseded");
    }
    return this.#planDiverged(change, head);
  }

  #planWithoutHead(change: ValidChange): Answer {
    const { log, book } = this.#planning;
    if (change.parents.length === 0 || change.heal !== undefined) return this.#becomeHead(change);
    const lineage = book.lineage(change.record);
    const mismatch = this.#mismatchWithParents(change);
    if (mismatch !== undefined) return rejected(mismatch);
    // It was preserved before, for example as an edge with a deleted end: an edit on top of it starts anew.
    if (change.parents.every((parent) => lineage.isKnownToHead(parent))) return this.#becomeHead(change);
    const local = this.#appended(change);
    log.preserve(local, "pending_review");
    const contradiction = { local, head: undefined, base: undefined, resolved: undefined };
    book.wait(contradiction, UNDECIDED, lineage.closure(change.parents));
    return answered("pending_review");
  }

  /** The head is among the parents. Edits of this push between the two are part of it, and history now. */
  #planFastForward(change: ValidChange): Answer {
    const refusal = this.#refusal(change);
    if (refusal !== undefined) return refusal;
    this.#storeHistory(change, "superseded");
    return this.#becomeHead(change);
  }

  #planDiverged(change: ValidChange, head: Head): Answer | undefined {
    const { job, log, book } = this.#planning;
    const mismatch = this.#mismatchWithParents(change);
    if (mismatch !== undefined) return rejected(mismatch);
    const refusal = this.#refusal(change);
    if (refusal !== undefined) return refusal;
    const local = this.#appended(change);
    const localTimes = this.#timesOf(change);
    const resolution = job.resolutions.find(
      (one) =>
        one.record === change.record &&
        one.localVersion === change.version &&
        one.localTimes === localTimes &&
        one.serverVersion === head.version,
    );
    if (resolution === undefined) {
      this.#diverged.set(change.version, { change, local, times: localTimes });
      return undefined;
    }
    const lineage = book.lineage(change.record);
    const unstored = (version: VersionId) => this.#divergedOf(change, version)?.change.parents;
    const outcome = planResolution({
      log,
      book,
      head,
      local,
      resolution,
      base: lineage.base(change.parents, unstored),
      ancestors: () => lineage.closure(change.parents, unstored),
      storeHistory: (stored) => this.#storeHistory(change, stored),
    });
    return answered(outcome);
  }

  /** A version that was preserved and never became head may be of another kind or type than the record has taken since. */
  #mismatchWithParents(change: ValidChange): Rejection | undefined {
    return this.#knownParents(change)
      .map((parent) => identityFault(change.content, parent.content))
      .find((fault) => fault !== undefined);
  }

  /** Faults of an edge that nothing can heal, or only time can; undefined when there are none. */
  #refusal(change: ValidChange): Answer | undefined {
    const verdict = this.#verdict(change);
    switch (verdict.kind) {
      case "unknown-end":
        return this.#defer(change, verdict.field);
      case "forbidden":
        return rejected({ reason: "FORBIDDEN_ENDPOINTS", field: "relationship", message: verdict.message });
      default:
        return undefined;
    }
  }

  #verdict(change: ValidChange): EdgeVerdict {
    if (change.content.kind === "entity" || change.deleted) return { kind: "allowed" };
    return judgeEdge(this.#planning.log, change.record, change.content);
  }

  #defer(change: ValidChange, field: string): Answer {
    const waitedUs = this.#planning.job.receivedUs - change.deferredSinceUs;
    const tooLong = change.deferredSinceUs > 0 && waitedUs > MAX_DEFERRAL_MS * 1_000;
    const rejection = { reason: "ENDPOINT_UNKNOWN", field, message: "this end of the relationship is not known yet" };
    return { outcome: tooLong ? "rejected" : "deferred", duplicate: false, rejection };
  }

  #becomeHead(change: ValidChange): Answer {
    const { log, book } = this.#planning;
    const refusal = this.#refusal(change);
    if (refusal !== undefined) return refusal;
    const verdict = this.#verdict(change);
    if (verdict.kind !== "allowed") return this.#lose(change, verdict);
    book.closeOvertaken(acceptWithCascade(log, this.#appended(change)));
    return answered("applied");
  }

  #lose(change: ValidChange, verdict: EdgeVerdict): Answer {
    const { log, book } = this.#planning;
    const local = this.#appended(change);
    const head = log.head(change.record);
    const base = head && log.detail(head);
    log.preserve(local, "superseded");
    if (change.heal === undefined) {
      const draft = refusedDraft({ local, server: base, base }, verdict);
      book.record({ local, head, base: base?.version, resolved: undefined }, draft);
    }
    return answered("superseded");
  }

  #preserve(change: ValidChange, outcome: Exclude<StoredOutcome, "applied">): Answer {
    this.#planning.log.preserve(this.#appended(change), outcome);
    return answered(outcome);
  }

  /** Stores the diverged edits of this push that a change builds on, oldest first. */
  #storeHistory(change: ValidChange, outcome: Exclude<StoredOutcome, "applied">): void {
    for (const parent of this.#planning.order.parentsOf(change)) {
      const diverged = this.#diverged.get(parent.version);
      if (diverged === undefined) continue;
      this.#diverged.delete(parent.version);
      this.#storeHistory(parent, outcome);
      this.#planning.log.preserve(diverged.local, outcome);
      this.#answers.set(parent, answered(outcome));
    }
  }

  #divergence({ change, local, times }: Diverged): Divergence {
    const { log, book } = this.#planning;
    const head = must(log.head(change.record), "only a record with a head diverges");
    const lineage = book.lineage(change.record);
    const unstored = (version: VersionId) => this.#divergedOf(change, version)?.change.parents;
    const base = lineage.base(change.parents, unstored);
    const mayBeRestored = change.deleted && !head.deleted;
    return {
      local,
      localTimes: times,
      server: log.detail(head),
      base: base === undefined ? undefined : log.version(change.record, base),
      ...this.#wishAndPolicy(change),
      restored: mayBeRestored && lineage.wasRestoredUnseen(lineage.closure(change.parents, unstored)),
      serverCascade: head.cascaded,
    };
  }

  /** A heal is merged by stamps: no policy is about what a lost log had decided already (docs/protocol.md, section 8). */
  #wishAndPolicy({ content, wish, heal }: ValidChange): Pick<Divergence, "wish" | "policy"> {
    if (heal !== undefined) return { wish: undefined, policy: undefined };
    const policies = known(this.#planning.log.facts.policies, (needs) => {
      needs.policies = true;
    });
    const type = content.kind === "entity" ? content.type : undefined;
    const policy =
      policies.find(({ entityType }) => entityType === type) ??
      policies.find(({ entityType }) => entityType === undefined);
    return { wish, policy };
  }

  /**
   * As of when a change and the diverged edits below it count; the hash of that where there are any, which may be many. A
   * push of the same device that was committed meanwhile may have moved these times, and with them what a resolution would
   * have to be.
   */
  #timesOf(change: ValidChange): string {
    const { log, order, times } = this.#planning;
    const own = String(times.get(change));
    const below = order.parentsOf(change).flatMap(({ version }) => this.#diverged.get(version)?.times ?? []);
    return below.length === 0 ? own : log.context.sha256([own, ...below].join(" "));
  }

  #appended(change: ValidChange): Appended {
    const { job, log, times } = this.#planning;
    const effectiveUs = must(times.get(change), "every change of a push has its effective time");
    return editAsStored(change, { job, log, effectiveUs, knownParents: () => this.#knownParents(change) });
  }

  /** A diverged edit of the same record: what a change names as parent may be an edit of another one. */
  #divergedOf({ record }: ValidChange, version: VersionId) {
    const diverged = this.#diverged.get(version);
    return diverged?.change.record === record ? diverged : undefined;
  }

  #knownParents(change: ValidChange): StoredVersion[] {
    const { log } = this.#planning;
    const parents = eachWithFacts(change.parents, (parent): StoredVersion | undefined => {
      const diverged = this.#divergedOf(change, parent);
      if (diverged !== undefined) return { ...diverged.local, seq: 0, committedUs: 0, outcome: undefined };
      return log.version(change.record, parent);
    });
    return parents.filter((parent) => parent !== undefined);
  }
}

/** What this server has minted in this epoch is in the log; a heal that says otherwise would take a version that is still to come. */
const MINTED_HERE: Rejection = {
  reason: "MINTED_HERE",
  field: "heal.device_id",
  message: "the log has every version that its server minted in this epoch",
};

/**
 * Whether a change is answered as what it builds on in the same push: it waits along with that, and where that has the
 * version of another edit, it stands on nothing. A heal stands for itself.
 */
function sharesFate(change: ValidChange, { outcome, rejection }: Answer): boolean {
  return outcome === "deferred" || (rejection === VERSION_REUSED && change.heal === undefined);
}

function answered(outcome: StoredOutcome): Answer {
  return { outcome, duplicate: false, rejection: undefined };
}

function rejected(rejection: Rejection): Answer {
  return { outcome: "rejected", duplicate: false, rejection };
}
