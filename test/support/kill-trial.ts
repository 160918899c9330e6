import { setTimeout as sleep } from "node:timers/promises";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { DomainError } from "@funkygibbon/kernel/errors";
import { expect } from "vitest";
import type { JournalEntry, JournalledHousehold } from "./journalled-household.ts";
import type { KillableStore, Victim } from "./killable-store.ts";

/** Households that commit, each one push after another, while the store is killed under them. */
export class KillTrial {
  readonly #store: KillableStore;
  readonly #households: readonly JournalledHousehold[];
  #left: number;
  #acknowledged = 0;
  /** Pushes that were in the log when a victim was dead. */
  readonly #survivors = new Set<JournalEntry>();
  /** Closed between the kill and the inspection: nobody mends by sending again what is to be seen as it was left. */
  #gate: Promise<void> = Promise.resolve();

  private constructor(store: KillableStore, households: readonly JournalledHousehold[], commits: number) {
    this.#store = store;
    this.#households = households;
    this.#left = commits;
  }

  static async open(store: KillableStore, size: { households: number; commits: number }): Promise<KillTrial> {
    const households = await Promise.all(Array.from({ length: size.households }, () => store.newHousehold()));
    return new KillTrial(store, households, size.commits);
  }

  /** Resolves when all commits have been acknowledged. */
  async write(): Promise<void> {
    await Promise.all(
      this.#households.map(async (household) => {
        while (this.#left > 0) {
          this.#left -= 1;
          await this.#push(household, household.next());
        }
      }),
    );
  }

  async untilAcknowledged(commits: number): Promise<void> {
    while (this.#acknowledged < commits) await sleep(1);
  }

  /** Kills the victim, looks at what is left, and starts it again. Returns how many pushes had no answer. */
  async killAndInspect(victim: Victim): Promise<number> {
    const opened = Promise.withResolvers<void>();
    this.#gate = opened.promise;
    await this.#store.kill(victim);
    const acknowledged = this.#entries().filter(({ answer }) => answer !== undefined);
    const open = this.#entries().length - acknowledged.length;
    if (victim === "PostgreSQL") await this.#store.startAgain(victim);
    const logs = await this.#logs();
    const survivors = new Set(this.#households.flatMap((household) => wholePushes(household, logs.get(household.id))));
    expect(acknowledged.filter((entry) => !survivors.has(entry))).toEqual([]);
    for (const entry of survivors) this.#survivors.add(entry);
    if (victim === "entity-store") await this.#store.startAgain(victim);
    opened.resolve();
    return open;
  }

  /** Everything in the journal is in the log, once and as it was answered; the graph, its digest and the events say the same. */
  async expectEverything(): Promise<void> {
    const logs = await this.#logs();
    for (const household of this.#households) {
      const log = logs.get(household.id);
      expect(wholePushes(household, log)).toEqual(household.entries);
      expect(log).toMatchObject({ epoch: household.epoch, digest: household.digest });
      const { faults } = await this.#store.graph.checkIntegrity({}, { token: household.token });
      expect(faults).toEqual([]);
    }
    for (const entry of this.#entries()) this.#expectAnswered(entry);
    // What was missed is told commit by commit.
    await expect.poll(() => this.#untold(logs), { timeout: 60_000 }).toEqual([]);
  }

  /** Sends a push until it is answered, as a coordinator and its device do. */
  async #push(household: JournalledHousehold, entry: JournalEntry): Promise<void> {
    while (entry.answer === undefined) {
      await this.#gate;
      try {
        const { result } = await this.#store.commits.commit({
          actorToken: household.token,
          householdId: household.id,
          epoch: household.epoch,
          deviceId: household.device,
          receivedUs: BigInt(systemClock.now()),
          clockOffsetUs: 0n,
          notBeforeUs: 0n,
          changes: [...entry.changes],
          resolutions: [],
        });
        entry.answer = result;
      } catch (error) {
        if (!(error instanceof DomainError) || error.kind !== "unavailable") throw error;
        await sleep(20);
      }
    }
    this.#acknowledged += 1;
  }

  #expectAnswered(entry: JournalEntry): void {
    const outcomes = entry.answer?.outcomes ?? [];
    expect(outcomes.map(({ version, outcome }) => [version, outcome])).toEqual(
      entry.changes.map(({ version }) => [version, Outcome.APPLIED]),
    );
    const again = outcomes.filter(({ duplicate }) => duplicate).length;
    expect([0, outcomes.length]).toContain(again);
    // Only what had survived can have been there already when it was sent again.
    if (again > 0) expect(this.#survivors.has(entry)).toBe(true);
  }

  #entries(): JournalEntry[] {
    return this.#households.flatMap(({ entries }) => entries);
  }

  /** The logs of all households, of one snapshot. */
  async #logs(): Promise<Map<string, StoredLog>> {
    const rows = await this.#store.sql<StoredRow>(
      `SELECT h.household_id AS household, h.epoch, h.head_seq::int AS "headSeq", h.digest::text, v.seq::int, v.version,
         v.outcome, v.committed_us::text AS "committedUs"
       FROM households h LEFT JOIN record_versions v USING (household_id)
       WHERE household_id = ANY ($1) ORDER BY household_id, seq`,
      [this.#households.map(({ id }) => id)],
    );
    const logs = new Map<string, StoredLog>();
    for (const row of rows) {
      const log = logs.get(row.household) ?? storedLog(row);
      logs.set(row.household, log);
      if (row.seq !== null) log.versions.push(row);
    }
    return logs;
  }

  /** What no event has told so far: the seqs of each household after which something is missing, and positions that lag. */
  async #untold(logs: ReadonlyMap<string, StoredLog>): Promise<string[]> {
    const told = new Map<string, [from: number, to: number][]>();
    for (const { householdId, fromSeq, toSeq } of this.#store.heard) {
      const stretches = told.get(householdId) ?? [];
      told.set(householdId, stretches);
      stretches.push([Number(fromSeq), Number(toSeq)]);
    }
    const silent = [...logs].flatMap(([household, { headSeq }]) => {
      const end = endOfStretches(told.get(household) ?? []);
      return end === headSeq ? [] : [`${household} after ${end}`];
    });
    const lagging = await this.#store.sql<{ household_id: string }>(
      `SELECT household_id FROM households h JOIN relay_positions p USING (household_id)
       WHERE household_id = ANY ($1) AND p.relayed_seq <> h.head_seq`,
      [[...logs.keys()]],
    );
    return [...silent, ...lagging.map(({ household_id }) => household_id)];
  }
}

interface StoredRow {
  readonly household: string;
  readonly epoch: string;
  readonly headSeq: number;
  readonly digest: string;
  /** Null in the one row of an empty log. */
  readonly seq: number | null;
  readonly version: string;
  readonly outcome: number;
  readonly committedUs: string;
}

/** A household as PostgreSQL has it. */
interface StoredLog {
  readonly epoch: string;
  readonly headSeq: number;
  readonly digest: bigint;
  readonly versions: StoredRow[];
}

function storedLog({ epoch, headSeq, digest }: StoredRow): StoredLog {
  return { epoch, headSeq, digest: BigInt.asUintN(64, BigInt(digest)), versions: [] };
}

/** The pushes that are in the log, each as a whole and as a commit of its own; the log has no gap and nothing else from that device. */
function wholePushes(household: JournalledHousehold, log: StoredLog | undefined): JournalEntry[] {
  const versions = log?.versions ?? [];
  expect(versions.map(({ seq }) => seq)).toEqual(versions.map((_, index) => index + 1));
  expect(log?.headSeq).toBe(versions.length);
  const ours = versions.filter(({ version }) => version.includes(`-${household.device}-`));
  const byVersion = new Map(ours.map((row) => [row.version, row]));
  const byCommit = Map.groupBy(ours, ({ committedUs }) => committedUs);
  const pushes = household.entries.filter(({ changes }) => byVersion.has(changes[0]?.version ?? ""));
  const expected = pushes.map(({ changes }) => changes.map(({ version }) => version).sort());
  const commits = pushes.map(({ changes }) =>
    byCommit.get(byVersion.get(changes[0]?.version ?? "")?.committedUs ?? ""),
  );
  expect(commits.map((commit) => commit?.map(({ version }) => version).sort())).toEqual(expected);
  expect(ours).toHaveLength(expected.flat().length);
  expect(ours.filter(({ outcome }) => outcome !== Outcome.APPLIED)).toEqual([]);
  return pushes;
}

/** Up to where stretches cover everything from seq 1 on. */
function endOfStretches(stretches: readonly [from: number, to: number][]): number {
  let end = 0;
  for (const [from, to] of stretches.toSorted((a, b) => a[0] - b[0])) {
    if (from > end + 1) break;
    end = Math.max(end, to);
  }
  return end;
}
