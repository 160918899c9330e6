import type { Change, ChangeOutcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { outcomes } from "@funkygibbon/wire/outcomes";

/** Outcomes after which a version is in history for good. */
const STORED: ReadonlySet<Outcome> = new Set([
  Outcome.APPLIED,
  Outcome.MERGED,
  Outcome.SUPERSEDED,
  Outcome.PENDING_REVIEW,
]);

/** What a device was told of one of its edits. */
export interface Acknowledgement {
  readonly change: Change;
  readonly outcome: Outcome;
  /** Of the log that gave it. */
  readonly epoch: string;
}

/**
 * What the devices of a crowd were told, edit by edit, written down outside of devices and servers: what no fault may
 * take back (I1). Beside it everything that should not have been said at all.
 */
export class Journal {
  /** The first answer to each version in each epoch, by epoch and version. */
  readonly #answers = new Map<string, Acknowledgement>();
  readonly #answered = new Set<string>();
  /** What no device should ever have seen, in words. */
  readonly surprises: string[] = [];
  /** Edits that devices have confirmed to their users. */
  edits = 0;
  /** Answers of the right kind so far, repeated ones included: a sign of life. */
  answers = 0;

  /** Distinct versions that were answered for good. */
  get acknowledged(): number {
    return this.#answered.size;
  }

  /** Whether any log has ever answered this version for good. */
  hasAnswer(version: string): boolean {
    return this.#answered.has(version);
  }

  /** An answer has come to a device. */
  note(change: Change, { outcome, version }: ChangeOutcome, epoch: string): void {
    if (!STORED.has(outcome)) return;
    this.answers += 1;
    this.#answered.add(version);
    const key = `${epoch} ${version}`;
    const first = this.#answers.get(key);
    if (first === undefined) this.#answers.set(key, { change, outcome, epoch });
    else if (first.outcome !== outcome) {
      const [before, now] = [outcomes.fromWire(first.outcome), outcomes.fromWire(outcome)];
      this.surprises.push(`${version} was answered ${before} and then ${now} (I3)`);
    }
  }

  /** What one log has answered. */
  acknowledgedIn(epoch: string): Acknowledgement[] {
    return [...this.#answers.values()].filter((answer) => answer.epoch === epoch);
  }

  /** What any log has answered. */
  everythingAcknowledged(): Iterable<Acknowledgement> {
    return this.#answers.values();
  }
}
