import type { Micros } from "@funkygibbon/kernel/clock";
import { DomainError } from "@funkygibbon/kernel/errors";
import { MAX_RESOLUTION_ROUNDS } from "@funkygibbon/kernel/limits";
import { must } from "@funkygibbon/kernel/must";
import type { CommitPart } from "./commit-parts.ts";
import type { PushSlices } from "./push-slices.ts";

/** What one transaction answered. Divergences and resolutions are passed between store and resolver unread. */
export interface CommitAnswer<Outcome, Divergence, Position> {
  /** One for each change; undefined for those whose record has diverged. */
  readonly outcomes: readonly (Outcome | undefined)[];
  readonly divergences: readonly Divergence[];
  readonly conflicts: readonly unknown[];
  /** As of when the newest edit counts, stored or not. */
  readonly newestUs: Micros;
  /** The log after the commit. */
  readonly position: Position;
}

/** The parts that settle a push. */
export interface CommitParts<Change, Outcome, Divergence, Resolution, Answer> {
  /**
   * One transaction: fast-forwards and resolutions are committed, what has diverged comes back.
   * @param notBeforeUs as of when the newest edit of the slices or parts before counts, stored or not; 0: it is the first.
   */
  commit(changes: readonly Change[], resolutions: readonly Resolution[], notBeforeUs: Micros): Promise<Answer>;
  /** Decides divergences, one resolution for each. */
  resolve(divergences: readonly Divergence[]): Promise<readonly Resolution[]>;
  /** Cuts changes and their resolutions into what the store takes at once; each change is in one part. */
  inParts(changes: readonly Change[], resolutions: readonly Resolution[]): readonly CommitPart[];
  /** The outcome of a change that was not stored and shall be sent again. */
  retry(change: Change): Outcome;
}

/** What became of a push. */
export interface Settlement<Outcome, Answer> {
  /** One for each change, in the order of the push. */
  readonly outcomes: readonly Outcome[];
  /** The answers of all transactions, first to last; at least one. */
  readonly answers: readonly [Answer, ...Answer[]];
  /** Some changes were answered RETRY because a part was away, not because of lost races. */
  readonly interruptedBy: DomainError | undefined;
}

/**
 * Commits a push: optimistically first, slice by slice, then what diverged is resolved and committed with compare-and-set
 * on the head and the times of the edits; if these moved, again, at most five times (docs/protocol.md, section 4 rule 3). A part that goes away after
 * the first transaction does not fail the push any more: what is answered is answered, the rest is RETRY.
 * @throws what the first commit throws, of which nothing is known to be stored; later what sending again does not mend.
 */
export async function commitInRounds<
  Change,
  Outcome,
  Divergence,
  Resolution,
  Answer extends CommitAnswer<Outcome, Divergence, unknown>,
>(
  changes: readonly Change[],
  [start, ...rest]: PushSlices,
  parts: CommitParts<Change, Outcome, Divergence, Resolution, Answer>,
): Promise<Settlement<Outcome, Answer>> {
  const first = await parts.commit(changes.slice(start.first, start.end), [], 0);
  const outcomes = [...first.outcomes];
  const answers: [Answer, ...Answer[]] = [first];
  let divergences: readonly Divergence[] = first.divergences;

  const commitTheRest = async () => {
    for (const slice of rest) {
      const answer = await parts.commit(changes.slice(slice.first, slice.end), [], (answers.at(-1) ?? first).newestUs);
      outcomes.push(...answer.outcomes);
      answers.push(answer);
      divergences = [...divergences, ...answer.divergences];
    }
  };
  const resolveRound = async () => {
    const open = changes.flatMap((change, index) => (outcomes[index] === undefined ? [{ change, index }] : []));
    const resolutions = await parts.resolve(divergences);
    const changed = open.map(({ change }) => change);
    const lost: Divergence[] = [];
    let notBeforeUs: Micros = 0;
    for (const part of parts.inParts(changed, resolutions)) {
      const answer = await parts.commit(pick(changed, part.changes), pick(resolutions, part.resolutions), notBeforeUs);
      notBeforeUs = answer.newestUs;
      for (const [place, position] of part.changes.entries()) {
        outcomes[must(open[position], "a part names what it was cut from").index] = answer.outcomes[place];
      }
      answers.push(answer);
      lost.push(...answer.divergences);
    }
    divergences = lost;
  };

  let interruptedBy: DomainError | undefined;
  try {
    await commitTheRest();
    for (let round = 0; divergences.length > 0 && round < MAX_RESOLUTION_ROUNDS; round += 1) await resolveRound();
  } catch (error) {
    if (!(error instanceof DomainError) || !isNotNow(error)) throw error;
    interruptedBy = error;
  }
  const answered = changes.map((change, index) => outcomes[index] ?? parts.retry(change));
  return { outcomes: answered, answers, interruptedBy };
}

function pick<Item>(items: readonly Item[], positions: readonly number[]): Item[] {
  return positions.flatMap((position) => items.slice(position, position + 1));
}

function isNotNow(error: DomainError): boolean {
  return error.kind === "unavailable" || error.kind === "deadline-exceeded" || error.kind === "exhausted";
}
