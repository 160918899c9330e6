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
  /**
   * Runs one group to its end. Never rejects: the jobs themselves are answered by it. From `nextMayBegin` on, one more
   * job of each of its households may run, alone in its group, while this one ends.
   */
  readonly run: (group: readonly Job[], nextMayBegin: () => void) => Promise<void>;
}

/** Jobs of a household that were begun and have not ended. */
interface UnderWay {
  jobs: number;
  /** The group of the newest of them. */
  newest: readonly unknown[];
  /** The newest of them lets the next one begin. */
  open: boolean;
}

/** The one that ends, and the one that was planned upon it. */
const MAX_UNDER_WAY = 2;

/**
 * Groups small jobs of different households into one transaction, so that a thousand small writers do not pay a thousand
 * fsyncs. Per household jobs begin in the order of arrival, one at a time, or one ahead where the one before allows it. A
 * group takes what is there when a lane gets free, and never waits for more.
 */
export class CommitQueue<Job> {
  readonly #options: CommitQueueOptions<Job>;
  /** Jobs of each household, oldest first. */
  readonly #waiting = new Map<HouseholdId, QueuedJob<Job>[]>();
  /** Households whose next job may begin, in the order in which they became ready. */
  readonly #ready = new Set<HouseholdId>();
  readonly #underWay = new Map<HouseholdId, UnderWay>();
  #runningLanes = 0;
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
    while (this.#runningLanes < this.#options.lanes && this.#ready.size > 0) void this.#runLane();
  }

  async #runLane(): Promise<void> {
    const group = this.#takeGroup();
    this.#runningLanes += 1;
    try {
      await this.#options.run(
        group.map(({ job }) => job),
        () => this.#open(group),
      );
    } finally {
      this.#runningLanes -= 1;
      for (const { household } of group) this.#end(household);
      this.#fillLanes();
      if (this.depth === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #takeGroup(): QueuedJob<Job>[] {
    const { maxGroupHouseholds, maxGroupRows, aloneFromSize } = this.#options;
    const group: QueuedJob<Job>[] = [];
    let rows = 0;
    for (const household of this.#ready) {
      const next = this.#waiting.get(household)?.[0];
      if (next === undefined) continue;
      const alone = next.size >= aloneFromSize || this.#underWay.has(household);
      if (group.length > 0 && (alone || rows + next.size > maxGroupRows)) continue;
      this.#take(household, group);
      group.push(next);
      rows += next.size;
      if (alone || group.length === maxGroupHouseholds) break;
    }
    return group;
  }

  #take(household: HouseholdId, group: readonly QueuedJob<Job>[]): void {
    const line = this.#waiting.get(household);
    line?.shift();
    if (line?.length === 0) this.#waiting.delete(household);
    this.#ready.delete(household);
    const jobs = (this.#underWay.get(household)?.jobs ?? 0) + 1;
    this.#underWay.set(household, { jobs, newest: group, open: false });
  }

  #open(group: readonly QueuedJob<Job>[]): void {
    for (const { household } of group) {
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
