import type { RecordId } from "@funkygibbon/kernel/ids";
import type { JsonValue } from "@funkygibbon/kernel/json";
import type { VersionId } from "@funkygibbon/kernel/version";
import { isServerWritten, type StoredVersion } from "../../services/entity-store/src/domain/stored-version.ts";
import { ownKey } from "./edit-steps.ts";
import { greatestStampStands } from "./greatest-stamp.ts";
import type { ConfirmedEdit } from "./journal.ts";
import type { Simulation } from "./simulation.ts";
import { ancestorsOf, knownVersions } from "./version-history.ts";

/** Everything that is wrong after a schedule was played to its end. */
export function checkInvariants(simulation: Simulation): string[] {
  const { journal, devices } = simulation;
  return [
    ...journal.problems,
    ...devices.flatMap(({ disk }) => disk.problems),
    ...answeredIsInHistory(simulation),
    ...replicasAreEqual(simulation),
    ...ownOrderHolds(simulation),
    ...editsKeepTheirOrder(simulation),
    ...ownWritesStay(simulation),
    ...greatestStampStands(simulation),
    ...deletedStaysDeleted(simulation),
    ...confirmedIsThere(simulation),
    ...heldIsBack(simulation),
  ];
}

/** I1. What was answered by the log as it is now is in it, as it was answered. */
function answeredIsInHistory({ journal, store }: Simulation): string[] {
  const outcomes = new Map<string, string | undefined>(store.log.versions.map((one) => [one.version, one.outcome]));
  return [...journal.answers]
    .filter(([version, answer]) => outcomes.get(version) !== answer)
    .map(([version, answer]) => `I1: ${version} was answered ${answer} and is ${outcomes.get(version) ?? "gone"}`);
}

/** I2. */
function replicasAreEqual({ devices, store }: Simulation): string[] {
  const problems: string[] = [];
  const live = [...store.log.heads.values()].filter(({ deleted }) => !deleted);
  for (const { name, disk } of devices) {
    const records = [...disk.records.values()].filter(({ deleted }) => !deleted);
    for (const head of live) {
      const found = disk.records.get(head.record);
      const { bodyText } = store.log.head(head.record);
      if (found?.version !== head.version || found.deleted) {
        problems.push(`I2: ${name} has ${found?.version ?? "nothing"} where the log has ${head.version}`);
      } else if (found.content.bodyJson !== bodyText) {
        problems.push(`I2: ${name} has another content of ${head.version}: ${found.content.bodyJson} for ${bodyText}`);
      }
    }
    if (records.length !== live.length)
      problems.push(`I2: ${name} has ${records.length} records, the log ${live.length}`);
  }
  return problems;
}

/**
 * I7. What an installation has written under one name keeps the order of its sequences as long as its log lasts: what is
 * healed keeps the time of a log that is gone, when its device has been judged anew elsewhere.
 */
function ownOrderHolds({ journal, store }: Simulation): string[] {
  if (journal.restores > 0) return [];
  const written = store.log.versions.toSorted((a, b) => a.sequence - b.sequence);
  return outOfOrder(
    written.flatMap((version) => {
      const writer = journal.writerOf(version.version);
      return writer === undefined ? [] : [[`${writer} ${version.device}`, version] as const];
    }),
  );
}

/**
 * I7. A user's edits of one record keep the order in which they were made, under whatever names they came to the log: a
 * clone's edit whose sequence is taken gets a later one, and is as old as it was.
 */
function editsKeepTheirOrder(simulation: Simulation): string[] {
  const { journal } = simulation;
  const storedAs = storedEdits(simulation);
  return outOfOrder(
    journal.confirmed.flatMap((edit) => {
      const found = storedAs(edit);
      return found && !journal.lostDisks.has(edit.disk)
        ? [[`${edit.installation} ${edit.record}`, found] as const]
        : [];
    }),
  );
}

/** What the log has of an edit. A clone may have given its version to another record, and it may never have been sent. */
function storedEdits({ store }: Simulation): (edit: ConfirmedEdit) => StoredVersion | undefined {
  const stored = new Map(store.log.versions.map((version) => [`${version.record} ${version.version}`, version]));
  return ({ disk, record, version }) => version && stored.get(`${record} ${disk.follow(version).version}`);
}

/** Where a version counts as older than the one before it in its line. */
function outOfOrder(versions: readonly (readonly [line: string, version: StoredVersion])[]): string[] {
  const newest = new Map<string, StoredVersion>();
  return versions.flatMap(([line, version]) => {
    const before = newest.get(line);
    newest.set(line, version);
    if (before === undefined || before.effectiveUs <= version.effectiveUs) return [];
    return `I7: ${version.version} counts as older than ${before.version}`;
  });
}

/** I6. The last write of a key that only one installation writes stays, unless the record had been deleted meanwhile. */
function ownWritesStay(simulation: Simulation): string[] {
  const { journal, store } = simulation;
  const storedAs = storedEdits(simulation);
  // A deletion may stand only behind a restore that was healed.
  const buried = new Set<string>();
  for (const version of knownVersions(simulation)) {
    const known = journal.everCommitted.get(version);
    if (known?.deleted === true) buried.add(known.record);
  }
  const last = new Map<string, { readonly edit: ConfirmedEdit; readonly key: string; readonly value: string }>();
  for (const edit of journal.confirmed) {
    const key = ownKey(edit.installation);
    const value = edit.keys.get(key);
    if (journal.lostDisks.has(edit.disk) || journal.copied.has(edit.installation)) continue;
    // The other one stands for both where a restore has lost the log that had told them apart.
    if (edit.version !== undefined && journal.twins.has(edit.version) && journal.restores > 0) continue;
    if (value !== undefined) last.set(`${edit.record} ${key}`, { edit, key, value });
  }
  const problems: string[] = [];
  for (const { edit, key, value } of last.values()) {
    const record = edit.record as RecordId;
    const found = storedAs(edit);
    const head = store.log.heads.get(record);
    if (!found || found.outcome === "pending_review" || buried.has(record) || head?.deleted !== false) continue;
    const now = store.log.head(record).content.body?.[key];
    // A later one may have reached the disk of a device that died before it could confirm it.
    if (writeNumber(now) < writeNumber(value)) {
      problems.push(`I6: ${key} of ${record} is ${String(now)} instead of ${value}`);
    }
  }
  return problems;
}

/** Values are numbered in the order in which they were written. */
function writeNumber(value: JsonValue | undefined): number {
  return typeof value === "string" ? Number(value.slice(value.indexOf("/") + 1)) : -1;
}

/** I9. What was deleted lives again only by a version that stands on the deletion and came after it. */
function deletedStaysDeleted({ journal, store }: Simulation): string[] {
  const problems: string[] = [];
  const everything = journal.everCommitted;
  for (const head of store.log.heads.values()) {
    if (head.deleted) continue;
    const lineage = store.log.versions.filter(({ record }) => record === head.record);
    const deleted = new Set(lineage.filter((one) => one.deleted).map(({ version }) => version));
    const restores = lineage.filter((one) => !one.deleted && one.parents.some((parent) => deleted.has(parent)));
    for (const tombstone of lineage) {
      // Nobody has decided the server's own, and one that waits for a person is not decided yet.
      const decided = tombstone.deleted && !isServerWritten(tombstone.device) && tombstone.outcome !== "pending_review";
      const stands = ({ seq, version }: StoredVersion) =>
        seq > tombstone.seq || ancestorsOf(version, everything).has(tombstone.version);
      if (!decided || restores.some(stands)) continue;
      problems.push(`I9: ${head.record} lives although ${tombstone.version} deleted it`);
    }
  }
  return problems;
}

/** I1 and I10, as the user sees them: what a device has confirmed is in the log, whatever happened to the device. */
function confirmedIsThere(simulation: Simulation): string[] {
  const { journal } = simulation;
  const inLog = knownVersions(simulation);
  const problems: string[] = [];
  for (const edit of journal.confirmed) {
    if (edit.version === undefined || journal.lostDisks.has(edit.disk)) continue;
    const { version, fate } = edit.disk.follow(edit.version);
    if (inLog.has(version) || fate === "withdrawn") continue;
    const state = edit.disk.edits.get(version)?.state;
    // Answered by a log that is gone, and held by nobody when that was lost.
    if (fate === "held" && journal.everCommitted.has(version) && journal.restores > 0) continue;
    const reason = state?.kind === "dead" ? `: ${state.rejection.reason}` : "";
    problems.push(
      `I1, I10: ${version}, confirmed by installation ${edit.installation}, is ${state?.kind ?? fate}${reason}`,
    );
  }
  return problems;
}

/**
 * I13. Versions that were squashed, relabelled or withdrawn since live on as what they became; one whose name a clone has
 * given away comes back under another. An edge of which nobody held an end has nowhere to come back to: it stays with its
 * device as a dead letter.
 */
function heldIsBack(simulation: Simulation): string[] {
  const { journal, devices, store } = simulation;
  const inLog = knownVersions(simulation);
  const said = new Set(store.log.versions.map(({ record, bodyText }) => `${record} ${bodyText ?? ""}`));
  const livesOn = (version: VersionId): boolean =>
    devices.some(({ disk }) => {
      const now = disk.follow(version);
      return now.fate === "withdrawn" || inLog.has(now.version);
    });
  const lost = new Set<string>();
  for (const { disk, record, version, bodyJson, ends } of journal.held) {
    if (inLog.has(version) || journal.lostDisks.has(disk)) continue;
    if (!ends.every((end) => store.log.heads.has(end))) continue;
    if (!said.has(`${record} ${bodyJson}`) && !livesOn(version)) lost.add(`${version} of ${record}`);
  }
  return [...lost].map((what) => `I13: ${what} was held by a device and is lost`);
}
