import type { RecordId } from "@funkygibbon/kernel/ids";
import { compareStamps, type Stamp } from "@funkygibbon/kernel/stamp";
import type { VersionId } from "@funkygibbon/kernel/version";
import { stampsOf } from "../../services/entity-store/src/domain/derive-stamps.ts";
import { ownStamp, type StoredVersion } from "../../services/entity-store/src/domain/stored-version.ts";
import { SHARED_KEYS } from "./edit-steps.ts";
import type { Journal } from "./journal.ts";
import type { Simulation } from "./simulation.ts";
import { ancestorsOf, knownVersions } from "./version-history.ts";

/**
 * I6. Of the edits of a key that no other one has overwritten knowingly the one with the greatest stamp stands, whatever
 * the order in which they came. One of which only a log that is gone knew that it was overwritten may stand too, where its
 * stamp is the greater one by now: its device had set its clock before it sent it again. Of records that were never
 * deleted and wait for nobody, and whose edits can be told apart.
 */
export function greatestStampStands(simulation: Simulation): string[] {
  const { journal, store } = simulation;
  const problems: string[] = [];
  const everything = journal.everCommitted;
  const inLog = new Map(store.log.versions.map((version) => [version.version, version]));
  const known = [...knownVersions(simulation)].flatMap((version) => everything.get(version) ?? []);
  const judgement = new Judgement(simulation);
  for (const { record, kind } of store.log.heads.values()) {
    const lineage = known.filter((version) => version.record === record);
    if (journal.mistaken.has(record)) continue;
    if (kind !== "entity" || lineage.some((one) => one.deleted || one.outcome === "pending_review")) continue;
    for (const key of SHARED_KEYS) {
      const sets = lineage.filter((one) => !one.device.startsWith("merge.") && setsKey(one, key, everything));
      const notOverwritten = (byId: ReadonlyMap<VersionId, StoredVersion>): StoredVersion[] => {
        const overwritten = new Set(sets.flatMap(({ version }) => [...ancestorsOf(version, byId)]));
        return sets.filter(({ version }) => !overwritten.has(version));
      };
      const current = notOverwritten(everything);
      const now = store.log.head(record).content.body?.[key];
      const winners = notOverwritten(inLog).filter((one) => one.content.body?.[key] === now);
      const greater = current.find(
        (one) => !winners.includes(one) && winners.every((winner) => judgement.isGreater(one, winner, key)),
      );
      if (greater === undefined) continue;
      problems.push(`I6: ${key} of ${record} is ${String(now)} although ${greater.version} has a greater stamp`);
    }
  }
  return problems;
}

/** As of when edits count in the log as it is in the end. */
class Judgement {
  readonly #journal: Journal;
  readonly #times = new Map<string, number>();
  /** What each healed merge descends from: a log that is gone has decided between those. */
  readonly #decidedBefore: readonly ReadonlySet<VersionId>[];

  constructor({ journal, store }: Simulation) {
    this.#journal = journal;
    for (const { record } of store.log.heads.values()) {
      for (const { stamp } of store.log.head(record).stamps) this.#times.set(editOf(record, stamp), stamp.effectiveUs);
    }
    for (const version of store.log.versions) {
      this.#times.set(editOf(version.record, version), version.effectiveUs);
    }
    const healedMerges = store.log.versions.filter(
      ({ device, healer }) => healer !== undefined && device.startsWith("merge."),
    );
    this.#decidedBefore = healedMerges.map(({ version }) => ancestorsOf(version, journal.everCommitted));
  }

  /**
   * Whether an edit has the greater stamp. Where the log has no time for one of them, or has taken over what another log
   * had decided: by whatever times they ever had.
   */
  isGreater(one: StoredVersion, other: StoredVersion, key: string): boolean {
    const wasDecided = this.#decidedBefore.some((seen) => seen.has(one.version) && seen.has(other.version));
    const timesOf = (version: StoredVersion, stamp: Stamp) => {
      const nowUs = wasDecided ? undefined : this.#times.get(editOf(version.record, stamp));
      return nowUs === undefined ? this.#journal.timesOf(stamp) : { earliestUs: nowUs, latestUs: nowUs };
    };
    const [stamp, otherStamp] = [stampOf(one, key), stampOf(other, key)];
    const { earliestUs } = timesOf(one, stamp);
    const { latestUs } = timesOf(other, otherStamp);
    return compareStamps({ ...stamp, effectiveUs: earliestUs }, { ...otherStamp, effectiveUs: latestUs }) > 0;
  }
}

function editOf(record: RecordId, { device, sequence }: Pick<Stamp, "device" | "sequence">): string {
  return `${record} ${device} ${sequence}`;
}

function stampOf(version: StoredVersion, key: string): Stamp {
  return stampsOf(version).get(key) ?? ownStamp(version);
}

function setsKey(one: StoredVersion, key: string, byId: ReadonlyMap<VersionId, StoredVersion>): boolean {
  const value = one.content.body?.[key];
  return one.parents.length === 0
    ? value !== undefined
    : one.parents.every((parent) => byId.get(parent)?.content.body?.[key] !== value);
}
