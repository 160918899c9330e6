import type { DeviceId, RecordId } from "@funkygibbon/kernel/ids";
import type { LogPosition } from "@funkygibbon/kernel/record";
import { ACYCLIC_TYPES } from "@funkygibbon/kernel/relationship-type";
import { type CommitFacts, type DeviceClock, emptySheet, sequenceKey, wayKey } from "./commit-facts.ts";
import type { CommitJob, DevicePush } from "./commit-job.ts";
import type { CommitWrites } from "./commit-plan.ts";

/** What a writer remembers of a household's log after its own last commit there. Others may have written since. */
export interface KnownLog {
  readonly position: LogPosition;
  /** `null`: the device has no version in the log. A device that is missing was not read. */
  readonly clocks: ReadonlyMap<DeviceId, DeviceClock | null>;
}

/** A household has few devices; one with more than this many writers reads their clocks again. */
const MAX_CLOCKS = 64;

/**
 * The facts of a push that only brings new records, as they are if nobody else has written since: no such record, no
 * such sequence. Writing a plan that was made from them proves them, or fails (commit_write). Undefined when memory does
 * not suffice, or when the plan could not be proven that way.
 */
export function foreseenFacts(job: CommitJob, known: KnownLog): CommitFacts | undefined {
  if (job.kind !== "push" || job.epoch !== known.position.epoch) return undefined;
  const clock = known.clocks.get(job.device);
  if (clock === undefined) return undefined;
  const sheet = emptySheet();
  sheet.clocks.set(job.device, clock);
  const created = newRecords(job);
  if (created === undefined) return undefined;
  for (const prepared of job.changes) {
    if (prepared.kind === "rejected") continue;
    const { change } = prepared;
    if (clock !== null && change.sequence <= clock.sequence) return undefined;
    sheet.sequences.set(sequenceKey(change), null);
    sheet.heads.set(change.record, null);
    if (change.content.kind === "entity" || !ACYCLIC_TYPES.has(change.content.type)) continue;
    // No edge has ever led upwards from a node that is new.
    const start = { type: change.content.type, node: change.content.to };
    if (created.has(start.node)) sheet.ways.set(wayKey(start), []);
  }
  // Whether conflicts wait cannot be proven; a plan that asks for them is not made from memory.
  return { ...sheet, position: known.position, anyOpenConflict: true };
}

/**
 * Whether writing a plan proves all the facts that it was made from: every change becomes the first head of its record.
 * Of a record whose change is refused or preserved nothing is written that would fail if it were there already.
 */
export function provesItself(job: CommitJob, { versions, heads }: CommitWrites): boolean {
  if (job.kind !== "push") return false;
  const valid = job.changes.filter((prepared) => prepared.kind === "valid").length;
  return versions.length === valid && heads.length === valid;
}

/** What is known of the log after these writes, on top of what was known or read before them. */
export function knownAfter(before: KnownLog, writes: CommitWrites | undefined): KnownLog {
  if (writes === undefined) return before;
  const clocks = new Map(before.clocks.size > MAX_CLOCKS ? [] : before.clocks);
  for (const clock of writes.clocks) {
    const earlier = clocks.get(clock.device);
    if (earlier == null || earlier.sequence < clock.sequence) clocks.set(clock.device, clock);
  }
  return { position: writes.position, clocks };
}

/** The records that a push creates; undefined when it does anything else, too. */
function newRecords(job: DevicePush): Set<RecordId> | undefined {
  const records = new Set<RecordId>();
  for (const prepared of job.changes) {
    if (prepared.kind === "rejected") continue;
    const { record, parents, heal } = prepared.change;
    if (parents.length > 0 || heal !== undefined || records.has(record)) return undefined;
    records.add(record);
  }
  return records;
}
