import type { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { jsonGet } from "@funkygibbon/kernel/json";
import { outcomes } from "@funkygibbon/wire/outcomes";
import type { PublicClients } from "../support/constellation-callers.ts";
import type { Crowd, Holdings } from "./crowd.ts";
import type { CrowdDevice } from "./crowd-device.ts";
import type { FaultSystem } from "./fault-system.ts";
import { resendEverything } from "./resend.ts";

/** What is checked when a crowd has settled. */
export interface AuditOptions {
  readonly system: FaultSystem;
  readonly crowd: Crowd;
  readonly clients: PublicClients;
  /** The epoch at the start; undefined when the fault was to renew it. */
  readonly epoch: string | undefined;
  /** What must have come back, with what every version that was ever known replaced. */
  readonly held: Holdings;
  readonly lineage: Holdings;
  /** A device may have been superseded. */
  readonly clones: boolean;
}

/** Everything that is not as docs/protocol.md promises, in words; empty when all is. The crowd is disconnected by it. */
export async function audit(options: AuditOptions): Promise<string[]> {
  const { system, crowd, clients } = options;
  const history = await readHistory(system, crowd.household.id);
  const fresh = await crowd.open(`auditor-${crowd.devices.length}`);
  await crowd.settle();
  const devices = crowd.devices.filter((device) => device !== fresh);
  return [
    ...crowd.journal.surprises,
    ...unanswered(devices),
    ...devices.flatMap((device) => troublesOf(device, options.clones)),
    ...lostAnswers(crowd, history),
    ...gaps(history),
    ...renewedEpoch(history, options.epoch),
    ...(await integrityFaults(clients, crowd)),
    ...differences(devices, fresh, history),
    ...revived(crowd, fresh),
    ...overwritten([...devices, ...crowd.lost], fresh),
    ...notBack(history, options),
    ...openConflicts(history),
    ...(await resendEverything(clients.sync, crowd, history.epoch)),
    ...((await system.log(crowd.household.id)).headSeq === history.headSeq ? [] : ["resends have moved the log (I3)"]),
  ];
}

interface History {
  readonly epoch: string;
  readonly headSeq: number;
  readonly digest: bigint;
  /** In the order of their seq. */
  readonly versions: readonly StoredVersion[];
  readonly openConflicts: number;
}

interface StoredVersion {
  readonly seq: number;
  readonly version: string;
  readonly parents: readonly string[];
  /** The log keeps the numbers of the wire. */
  readonly outcome: Outcome;
}

/** Behind everybody's back, as the superuser. */
async function readHistory(system: FaultSystem, household: string): Promise<History> {
  const [versions, standing, conflicts] = await Promise.all([
    system.sql<StoredVersion>(
      "SELECT seq::int, version, parents, outcome::int FROM record_versions WHERE household_id = $1 ORDER BY seq",
      [household],
    ),
    system.sql<{ epoch: string; head_seq: number; digest: string }>(
      "SELECT epoch::text, head_seq::int, digest::text FROM households WHERE household_id = $1",
      [household],
    ),
    system.sql("SELECT 1 FROM conflicts WHERE household_id = $1 AND settled_us = 0", [household]),
  ]);
  const [row] = standing;
  return {
    versions,
    epoch: row?.epoch ?? "",
    headSeq: row?.head_seq ?? 0,
    digest: BigInt.asUintN(64, BigInt(row?.digest ?? 0)),
    openConflicts: conflicts.length,
  };
}

/** No edit is unaccounted for: what has left a device was answered (the journal saw to that), and nothing is left there. */
function unanswered(devices: readonly CrowdDevice[]): string[] {
  return devices.flatMap(({ name, client }) => [
    ...client
      .deadLetters()
      .map(({ version, state }) => `${name} has a dead letter: ${version} ${JSON.stringify(state)}`),
    ...(client.state.pendingEdits + client.state.unheldEdits > 0 ? [`${name} still has edits`] : []),
  ]);
}

/** No client saw an error that it must handle by hand, was taken for another, or had to pull its whole base for want of a sum. */
function troublesOf({ name, client, troubles }: CrowdDevice, clones: boolean): string[] {
  const mismatches = client.state.digestMismatches;
  return [
    ...troubles
      .filter((trouble) => !(clones && trouble.startsWith("stopped: superseded")))
      .map((text) => `${name} ${text}`),
    ...(clones || client.deviceId === name ? [] : [`${name} was taken for a clone: it is ${client.deviceId} now`]),
    ...(mismatches === 0 ? [] : [`the base of ${name} did not add up ${mismatches} times (I2)`]),
  ];
}

/** I1: what this log has answered is in it as it was answered. */
function lostAnswers(crowd: Crowd, { versions, epoch }: History): string[] {
  const stored = new Map(versions.map(({ version, outcome }) => [version, outcome]));
  return crowd.journal.acknowledgedIn(epoch).flatMap(({ change, outcome }) => {
    const found = stored.get(change.version);
    if (found === outcome) return [];
    const as = found === undefined ? "not" : outcomes.fromWire(found);
    return [`${change.version}, answered ${outcomes.fromWire(outcome)}, is ${as} in history (I1)`];
  });
}

/** I4: 1, 2, 3 … */
function gaps({ versions, headSeq }: History): string[] {
  const wrong = versions.find(({ seq }, index) => seq !== index + 1);
  if (wrong !== undefined) return [`the log goes on with seq ${wrong.seq} where another is due (I4)`];
  return versions.length === headSeq ? [] : [`the log ends at ${versions.length}, its head says ${headSeq} (I4)`];
}

/** A needless new epoch makes every device of the household pull everything. */
function renewedEpoch({ epoch }: History, before: string | undefined): string[] {
  return before === undefined || before === epoch ? [] : [`the epoch was renewed from ${before} to ${epoch}`];
}

/** I11, and what the store itself finds wrong with heads, digest and seqs. */
async function integrityFaults({ graph }: PublicClients, crowd: Crowd): Promise<string[]> {
  const { faults } = await graph.checkIntegrity({}, { token: crowd.household.tokens.owner });
  return faults.map(({ reason, message }) => `${reason}: ${message} (I11)`);
}

/** I2: every replica is what a device that begins now gets, and has the digest that the store keeps. */
function differences(devices: readonly CrowdDevice[], fresh: CrowdDevice, { digest }: History): string[] {
  const expected = liveRecords(fresh);
  const problems = fresh.client.digest === digest ? [] : [`a fresh replica has the digest ${fresh.client.digest} (I2)`];
  for (const device of devices) {
    if (device.client.digest !== digest) problems.push(`${device.name} has the digest ${device.client.digest} (I2)`);
    const found = liveRecords(device);
    for (const id of new Set([...expected.keys(), ...found.keys()])) {
      if (found.get(id) === expected.get(id)) continue;
      problems.push(
        `${device.name} has ${found.get(id) ?? "nothing"} where others have ${expected.get(id) ?? "nothing"} (I2)`,
      );
    }
  }
  return problems;
}

function liveRecords({ client }: CrowdDevice): Map<string, string> {
  return new Map(
    [...client.baseRecords()]
      .filter(({ deleted }) => !deleted)
      .map(({ record, version, seq, content }) => [record, `${version} at ${seq}: ${JSON.stringify(content)}`]),
  );
}

/** I9: nobody restores anything here. */
function revived(crowd: Crowd, fresh: CrowdDevice): string[] {
  const live = liveRecords(fresh);
  const deletes = [...crowd.journal.everythingAcknowledged()].filter(({ change }) => change.deleted);
  return deletes
    .filter(({ change }) => live.has(change.recordId))
    .map(({ change }) => `${change.recordId} lives, though ${change.version} has deleted it (I9)`);
}

/** I6: of a key that one device alone writes, its last write stays. */
function overwritten(devices: readonly CrowdDevice[], fresh: CrowdDevice): string[] {
  return devices.flatMap(({ name, mark, lastMarks }) =>
    [...lastMarks].flatMap(([id, count]) => {
      const seen = fresh.client.get(id);
      if (seen === undefined || seen.kind !== "entity" || jsonGet(seen.body, mark) === count) return [];
      return [`${id} has ${jsonGet(seen.body, mark)} where ${name} has last written ${count} (I6)`];
    }),
  );
}

/** I13: each version that somebody held is in history, or something that replaced it is. */
function notBack({ versions }: History, { held, lineage }: AuditOptions): string[] {
  const known = new Set<string>();
  const parentsOf = new Map([
    ...lineage,
    ...held,
    ...versions.map(({ version, parents }) => [version, parents] as const),
  ]);
  const waiting = versions.map(({ version }) => version);
  for (let version = waiting.pop(); version !== undefined; version = waiting.pop()) {
    if (known.has(version)) continue;
    known.add(version);
    waiting.push(...(parentsOf.get(version) ?? []));
  }
  return [...held.keys()]
    .filter((version) => !known.has(version))
    .map((version) => `${version} has not come back (I13)`);
}

/** Nobody in a crowd asks for a decision by hand, so none may be waited for. */
function openConflicts({ openConflicts: open }: History): string[] {
  return open === 0 ? [] : [`${open} conflicts wait for a person`];
}
