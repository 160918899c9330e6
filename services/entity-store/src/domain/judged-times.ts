import type { Micros } from "@funkygibbon/kernel/clock";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { compareStamps, isUnknownStamp, type KeyStamp, type KeyStamps, type Stamp } from "@funkygibbon/kernel/stamp";
import { type Neighbours, type SequenceKey, sequenceKey } from "./commit-facts.ts";
import { known } from "./missing-fact.ts";
import { NamedEdits } from "./named-edits.ts";
import type { ValidHeal } from "./prepared-change.ts";
import { ownStamp, type StoredVersion } from "./stored-version.ts";
import type { WorkingLog } from "./working-log.ts";

/**
 * As of when the log counts an edit of a record: the edit itself may be in it, or, after a restore, only something healed
 * that was built on it, whose stamps name it. An edit is never judged twice: the first time that the log has for it, in
 * whichever way, is its time from then on (docs/protocol.md, section 2). Undefined when the log has none.
 */
export function judgedTime(log: WorkingLog, record: RecordId, edit: SequenceKey): Micros | undefined {
  const stored = known(log.facts.sequences.get(sequenceKey(edit)), (needs) =>
    needs.sequences.set(sequenceKey(edit), { device: edit.device, sequence: edit.sequence }),
  );
  // A clone may have given the sequence to another edit.
  if (stored?.record === record) return stored.effectiveUs;
  return namedByHead(log, record)?.timeOf(edit);
}

/** The times of the edits around one, of the same device and record, that the stamps of the head name. */
export function neighboursInHead(log: WorkingLog, record: RecordId, edit: SequenceKey): Neighbours {
  return namedByHead(log, record)?.neighbours(edit) ?? { lowerUs: undefined, higherUs: undefined };
}

/** A heal as the log takes it. */
export interface JudgedHeal {
  readonly effectiveUs: Micros;
  readonly stamps: KeyStamps;
}

/**
 * The times of a heal as the log takes them: what it has judged already keeps that time, and nothing comes from later
 * than now. What the lost log had after something else stays after it: the healed version has overwritten that, or was
 * decided to have, and that may have been judged later by this log. No edit is older than an earlier one of its device
 * that the head's stamps name. @param nowUs at which the heal was received.
 */
export function judgedHeal(log: WorkingLog, change: SequenceKey & HealOf, nowUs: Micros): JudgedHeal {
  const { device, sequence, record, heal } = change;
  const own = { stamp: { device, sequence, effectiveUs: Math.min(heal.effectiveUs, nowUs) }, keys: [] };
  const inOrder = [own, ...heal.stamps].sort((a, b) => compareStamps(a.stamp, b.stamp));
  const judged = new Map<KeyStamp, Stamp>();
  let before: Stamp | undefined;
  for (const group of inOrder) {
    const { stamp } = group;
    if (isUnknownStamp(stamp)) continue;
    const afterBeforeUs = before === undefined ? 0 : before.effectiveUs + (before.device === stamp.device ? 0 : 1);
    const { lowerUs = 0 } = neighboursInHead(log, record, stamp);
    const healedUs = Math.min(Math.max(stamp.effectiveUs, afterBeforeUs, lowerUs), log.committedUs);
    const effectiveUs = judgedTime(log, record, stamp) ?? healedUs;
    judged.set(group, { ...stamp, effectiveUs });
    if (before === undefined || effectiveUs > before.effectiveUs) before = { ...stamp, effectiveUs };
  }
  const stamps = heal.stamps.map((group) => ({ stamp: judged.get(group) ?? group.stamp, keys: group.keys }));
  const effectiveUs = judged.get(own)?.effectiveUs ?? own.stamp.effectiveUs;
  // It may be history by now: a later edit of its device, judged by another log, is the head already.
  const { higherUs } = neighboursInHead(log, record, own.stamp);
  return { effectiveUs: Math.min(effectiveUs, higherUs ?? effectiveUs), stamps };
}

interface HealOf {
  readonly record: RecordId;
  readonly heal: Pick<ValidHeal, "effectiveUs" | "stamps">;
}

/** That of a head is asked for at each stamp of a heal. */
const namedEdits = new WeakMap<StoredVersion, NamedEdits>();

/** The edits that the stamps of the head name, and the head itself; undefined when there is none. */
function namedByHead(log: WorkingLog, record: RecordId): NamedEdits | undefined {
  const head = log.head(record);
  if (head === undefined) return undefined;
  const detail = log.detail(head);
  const known = namedEdits.get(detail);
  if (known !== undefined) return known;
  const named = new NamedEdits([...detail.stamps.map(({ stamp }) => stamp), ownStamp(detail)]);
  namedEdits.set(detail, named);
  return named;
}
