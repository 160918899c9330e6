import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { ChangeOutcome } from "@funkygibbon/kernel/record";
import type { Stamp } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import { endsOf } from "../../libs/client/src/edit-queue.ts";
import type { CommitJob, PushResult, ResultOf } from "../../services/entity-store/src/domain/commit-job.ts";
import type { ValidChange } from "../../services/entity-store/src/domain/prepared-change.ts";
import { ownStamp, type StoredVersion } from "../../services/entity-store/src/domain/stored-version.ts";
import type { MemoryLog } from "../../services/entity-store/test/memory-log.ts";
import type { DeviceDisk } from "./device-disk.ts";

/** How far the clocks of two coordinators may be apart: what one has received is not older for the other. */
export const SERVER_SKEW_US = 40_000;

/** An edit that a device has confirmed to its user: from then on it may not get lost. */
export interface ConfirmedEdit {
  /** Which installation: a clone is another one than its original. */
  readonly installation: number;
  readonly disk: DeviceDisk;
  readonly record: string;
  readonly version: VersionId | undefined;
  /** What it set; undefined for a key that was taken away. */
  readonly keys: ReadonlyMap<string, string | undefined>;
  readonly deleted: boolean;
}

/** A version that some device held when the store was taken back. */
export interface HeldVersion {
  readonly disk: DeviceDisk;
  readonly record: string;
  readonly version: VersionId;
  /** Empty in a tombstone. */
  readonly bodyJson: string;
  /** Of an edge. */
  readonly ends: readonly RecordId[];
}

/** What must be so in the end, written down while it happens; and what was wrong right away. */
export class Journal {
  readonly problems: string[] = [];
  readonly confirmed: ConfirmedEdit[] = [];
  /** The edits of installations whose disk went back in time count no more. */
  readonly lostDisks = new Set<DeviceDisk>();
  /** First answers by the log as it is now. */
  #answers = new Map<string, string>();
  /** Versions as an installation has pushed them first: a sent version is frozen. */
  readonly #sent = new Map<string, string>();
  readonly #contents = new Map<string, string>();
  /** Versions that clones have made of one record in one millisecond, each with a content of its own: nobody can tell them apart. */
  readonly twins = new Set<string>();
  readonly #firstOfSequence = new Map<string, StoredVersion>();
  readonly #writers = new Map<string, number | "several">();
  /** Records of which an edit has the sequence of another one: clones gave it twice, each in a log that has not seen the other. */
  readonly mistaken = new Set<RecordId>();
  /** Everything that was ever committed, lost by a restore or not. */
  readonly everCommitted = new Map<VersionId, StoredVersion>();
  /** Device ids that several installations have had: the edits of one bound those of the other. */
  readonly sharedNames = new Set<string>();
  /** Installations of which another one has edits too that were still to be sent. */
  readonly copied = new Set<number>();
  /** At the last restore: what was held at one before is on a disk still, or was brought back and then replaced. */
  held: HeldVersion[] = [];
  readonly disks = new Set<DeviceDisk>();
  readonly #times = new Map<string, { readonly earliestUs: number; readonly latestUs: number }>();
  restores = 0;
  commits = 0;
  /** What happened, when a failure is to be read. */
  readonly events: string[] = [];
  readonly #isTold: boolean;

  /** @param isTold whether somebody is going to read what happened. */
  constructor(isTold: boolean) {
    this.#isTold = isTold;
  }

  note(event: () => string): void {
    if (this.#isTold) this.events.push(event());
  }

  problem(text: string): void {
    this.problems.push(text);
    this.note(() => `PROBLEM ${text}`);
  }

  /** An installation hands edits to its transport. */
  sent(installation: number, kind: "push" | "heal", changes: readonly Change[]): void {
    if (kind === "heal") return;
    for (const { version, recordId, parentVersions, content, deleted } of changes) {
      const said = JSON.stringify([recordId, parentVersions, content.value, deleted], (_key, value: unknown) =>
        typeof value === "bigint" ? String(value) : value,
      );
      const key = `${installation} ${version}`;
      if ((this.#sent.get(key) ?? said) !== said) this.problem(`I3: ${version} was sent with two contents`);
      this.#sent.set(key, said);
      if ((this.#contents.get(version) ?? said) !== said) this.twins.add(version);
      this.#contents.set(version, said);
      const others = (this.#writers.get(version) ?? installation) !== installation;
      this.#writers.set(version, others ? "several" : installation);
    }
  }

  committed(job: CommitJob, result: ResultOf<CommitJob>, log: MemoryLog): void {
    this.commits += 1;
    for (let seq = this.#seen(log) + 1; seq <= log.versions.length; seq += 1) {
      const version = log.versions[seq - 1];
      if (version === undefined) continue;
      const edit = `${version.device} ${version.sequence}`;
      const first = this.#firstOfSequence.get(edit) ?? version;
      this.#firstOfSequence.set(edit, first);
      if (first.record !== version.record || first.bodyText !== version.bodyText) {
        this.mistaken.add(first.record).add(version.record);
      }
      this.everCommitted.set(version.version, version);
      for (const stamp of [ownStamp(version), ...version.stamps.map((one) => one.stamp)]) this.#judged(stamp);
    }
    this.#seenSeq = log.versions.length;
    if (job.kind === "push" && result.kind === "push") this.#pushed(job.changes, result, log, job.receivedUs);
  }

  /**
   * The store is about to be taken back: what devices hold now they have to bring back. Not what was decided against, by
   * an outcome or a deletion, nor what waits for a person: that they forget as soon as they see what stands instead, which
   * they may be about to.
   */
  beforeRestore(log: MemoryLog): void {
    this.held = [];
    const stands = (version: VersionId) => {
      const outcome = this.everCommitted.get(version)?.outcome;
      return outcome !== "superseded" && outcome !== "pending_review";
    };
    for (const disk of this.disks) {
      const edits = [...disk.edits.values()].filter(({ state }) => state.kind !== "dead");
      for (const { record, version, content } of [...disk.records.values(), ...edits]) {
        if (!stands(version) || (content.bodyJson !== "" && log.heads.get(record)?.deleted === true)) continue;
        this.held.push({ disk, record, version, bodyJson: content.bodyJson, ends: endsOf(content) });
      }
    }
  }

  #judged({ device, sequence, effectiveUs }: Stamp): void {
    const edit = `${device} ${sequence}`;
    const { earliestUs, latestUs } = this.#times.get(edit) ?? { earliestUs: effectiveUs, latestUs: effectiveUs };
    this.#times.set(edit, {
      earliestUs: Math.min(earliestUs, effectiveUs),
      latestUs: Math.max(latestUs, effectiveUs),
    });
  }

  /** The times as of which an edit has counted: several where another log has judged it again, by another clock. */
  timesOf({ device, sequence, effectiveUs }: Stamp): { readonly earliestUs: number; readonly latestUs: number } {
    return this.#times.get(`${device} ${sequence}`) ?? { earliestUs: effectiveUs, latestUs: effectiveUs };
  }

  restored(log: MemoryLog): void {
    this.restores += 1;
    this.#seenSeq = log.versions.length;
    const kept = new Set<string>(log.versions.map(({ version }) => version));
    this.#answers = new Map([...this.#answers].filter(([version]) => kept.has(version)));
  }

  #seenSeq = 0;

  #seen(log: MemoryLog): number {
    return Math.min(this.#seenSeq, log.versions.length);
  }

  #pushed(
    changes: readonly { readonly kind: string; readonly change?: ValidChange }[],
    result: PushResult,
    log: MemoryLog,
    receivedUs: number,
  ): void {
    for (const [index, outcome] of result.outcomes.entries()) {
      if (outcome === undefined) continue;
      this.#answered(outcome, log);
      const change = changes[index]?.change;
      if (change === undefined || outcome.outcome === "rejected" || outcome.outcome === "deferred") continue;
      const stored = this.everCommitted.get(change.version);
      const aheadUs = outcome.duplicate || stored === undefined ? 0 : stored.effectiveUs - receivedUs;
      if (aheadUs > SERVER_SKEW_US && !this.sharedNames.has(change.device))
        this.problem(`I7: ${change.version} counts as made ${aheadUs} us after its receipt`);
    }
    const onlyDuplicates = result.outcomes.every((outcome) => outcome?.duplicate === true);
    if (onlyDuplicates && result.firstSeq !== 0) this.problem("I3: a resend wrote a version");
  }

  #answered({ version, outcome, duplicate, rejection }: ChangeOutcome, log: MemoryLog): void {
    switch (outcome) {
      case "applied":
      case "merged":
      case "superseded":
      case "pending_review": {
        const first = this.#answers.get(version);
        if (first !== undefined && first !== outcome) {
          this.problem(`I3: ${version} was answered ${first} and then ${outcome}`);
        }
        if (first === undefined && duplicate && !log.versions.some((stored) => stored.version === version)) {
          this.problem(`I3: ${version} is called a duplicate and is not in the log`);
        }
        this.#answers.set(version, outcome);
        break;
      }
      case "rejected":
        this.note(() => `rejected ${version}: ${rejection?.reason ?? ""}`);
        break;
      case "deferred":
      case "retry":
        break;
    }
  }

  /** The installation that has pushed a version; undefined where it was several, or none. */
  writerOf(version: string): number | undefined {
    const writer = this.#writers.get(version);
    return writer === "several" ? undefined : writer;
  }

  /** The first answers to everything that the log as it is now was asked to take. */
  get answers(): ReadonlyMap<string, string> {
    return this.#answers;
  }
}
