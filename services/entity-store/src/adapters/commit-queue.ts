import type { HouseholdId } from "@funkygibbon/kernel/ids";

/** A job that waits for its turn. */
export interface QueuedJob<Job> {
  readonly household: HouseholdId;
  readonly job: Job;
  /** Rows that it may write, roughly: decides what fits into a group. */
  readonly size: number;
}

/** Options of {@link CommitQueue}. */
export interface CommitQueueOptions<Job> {
  /** How many transactions may run at once. */
  readonly lanes: number;
  readonly maxGroupHouseholds: number;
  readonly maxGroupRows: number;
  /** A job of this size or more runs in a transaction of its own. */
  readonly aloneFromSize: number;
  /** How long a group that is not full waits for the one under way, in milliseconds. */
  readonly patienceMs: number;
  /**
   * Runs one group to its end. Never rejects: the jobs themselves are answered by it. From `nextMayBegin` on, one more
   * job of each of its households may run, alone in its group, while this one ends.
   */
  readonly run: (group: readonly Job[], nextMayBegin: () => void) => Promise<void>;
}

/** Jobs that share a transaction. */
interface Group<Job> {
  readonly jobs: readonly QueuedJob<Job>[];
  /** It has one job, which shares with nobody. */
  readonly alone: boolean;
}

/** Jobs of a household that were begun and have not ended. */
interface UnderWay {
  jobs: number;
  /** The group of the newest of them. */
  newest: Group<unknown>;
  /** The newest of them lets the next one begin. */
  open: boolean;
}

/** The one that ends, and the one that was planned upon it. */
const MAX_UNDER_WAY = 2;

/**
 * Groups small jobs of different households into one transaction, so that a thousand small writers do not pay a thousand
 * fsyncs. Per household jobs begin in the order of arrival, one at a time, or one ahead where the one before allows it.
 * While a group is under way the next one gathers, until it is full or the one under way takes long: a crowd pays for few
 * transactions, and who comes alone waits for nobody.
 */
export class CommitQueue<Job> {
  readonly #options: CommitQueueOptions<Job>;
  /** Jobs of each household, oldest first. */
  readonly #waiting = new Map<HouseholdId, QueuedJob<Job>[]>();
  /** Households whose next job may begin, in the order in which they became ready. */
  readonly #ready = new Set<HouseholdId>();
  readonly #underWay = new Map<HouseholdId, UnderWay>();
  #runningLanes = 0;
  /** Groups under way that have not taken long. */
  readonly #brisk = new Set<Group<Job>>();
  readonly #idle: (() => void)[] = [];

  constructor(options: CommitQueueOptions<Job>) {
    this.#options = options;
  }

  /** Jobs that wait or are under way. */
  get depth(): number {
    let depth = 0;
    for (const { jobs } of this.#underWay.values()) depth += jobs;
    for (const jobs of this.#waiting.values()) depth += jobs.length;
    return depth;
  }

  /** Adds a job at the end of its household's line. */
  add(job: QueuedJob<Job>): void {
    const line = this.#waiting.get(job.household);
    if (line === undefined) this.#waiting.set(job.household, [job]);
    else line.push(job);
    this.#noteReady(job.household);
    this.#fillLanes();
  }

  /** Resolves when nothing waits and nothing is under way. */
  async whenIdle(): Promise<void> {
    while (this.depth > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #fillLanes(): void {
    while (this.#runningLanes < this.#options.lanes) {
      const next = this.#nextGroup();
      if (next === undefined) return;
      void this.#run(next);
    }
  }

  async #run(group: Group<Job>): Promise<void> {
    for (const { household } of group.jobs) this.#take(household, group);
    this.#runningLanes += 1;
    const patience = group.alone ? undefined : this.#beWaitedFor(group);
    try {
      await this.#options.run(
        group.jobs.map(({ job }) => job),
        () => this.#open(group),
      );
    } finally {
      this.#runningLanes -= 1;
      clearTimeout(patience);
      this.#brisk.delete(group);
      for (const { household } of group.jobs) this.#end(household);
      this.#fillLanes();
      if (this.depth === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** Not for ever: it may stand at a lock. */
  #beWaitedFor(group: Group<Job>): NodeJS.Timeout {
    this.#brisk.add(group);
    return setTimeout(() => {
      this.#brisk.delete(group);
      this.#fillLanes();
    }, this.#options.patienceMs);
  }

  /** What may begin now, of the households that wait longest. */
  #nextGroup(): Group<Job> | undefined {
    const { maxGroupHouseholds, maxGroupRows, aloneFromSize } = this.#options;
    const jobs: QueuedJob<Job>[] = [];
    let rows = 0;
    let isFull = false;
    let alone: Group<Job> | undefined;
    for (const household of this.#ready) {
      const next = this.#waiting.get(household)?.[0];
      if (next === undefined) continue;
      if (next.size >= aloneFromSize || this.#underWay.has(household)) {
        alone ??= { jobs: [next], alone: true };
        if (jobs.length === 0) break;
      } else if (rows + next.size > maxGroupRows) {
        isFull = true;
      } else {
        jobs.push(next);
        rows += next.size;
        isFull ||= jobs.length === maxGroupHouseholds;
        if (isFull) break;
      }
    }
    return jobs.length > 0 && (isFull || this.#brisk.size === 0) ? { jobs, alone: false } : alone;
  }

  #take(household: HouseholdId, group: Group<Job>): void {
    const line = this.#waiting.get(household);
    line?.shift();
    if (line?.length === 0) this.#waiting.delete(household);
    this.#ready.delete(household);
    const jobs = (this.#underWay.get(household)?.jobs ?? 0) + 1;
    this.#underWay.set(household, { jobs, newest: group, open: false });
  }

  #open(group: Group<Job>): void {
    for (const { household } of group.jobs) {
      const underWay = this.#underWay.get(household);
      if (underWay?.newest !== group) continue;
      underWay.open = true;
      this.#noteReady(household);
    }
    this.#fillLanes();
  }

  #end(household: HouseholdId): void {
    const underWay = this.#underWay.get(household);
    if (underWay !== undefined && underWay.jobs > 1) underWay.jobs -= 1;
    else this.#underWay.delete(household);
    this.#noteReady(household);
  }

  #noteReady(household: HouseholdId): void {
    const underWay = this.#underWay.get(household);
    const mayBegin = underWay === undefined || (underWay.open && underWay.jobs < MAX_UNDER_WAY);
    if (mayBegin && this.#waiting.has(household)) this.#ready.add(household);
  }
}
