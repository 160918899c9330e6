import { canonicalJson, type JsonValue } from "@funkygibbon/kernel/json";
import type { ConflictRow, FieldConflict, RecordVersion } from "@funkygibbon/kernel/record";
import { compareStamps, type Stamp } from "@funkygibbon/kernel/stamp";
import { compareSides, type KeyComparison } from "./compare-sides.ts";
import type { ConflictFile } from "./conflict-store.ts";
import { type DecisionRule, mergeKeys } from "./merge-keys.ts";
import { ruleLookup } from "./policy.ts";
import { absentSide, sideOf } from "./side.ts";

/** One key in three columns, with what happened to it and why. */
export interface ExplainedField {
  readonly values: FieldConflict;
  readonly equal: boolean;
  /** A sentence or two for a person. */
  readonly explanation: string;
}

/** Every key of either side, ends first, then by name: what each side says, what was decided, by which rule. */
export function explainConflict(file: ConflictFile): readonly ExplainedField[] {
  const local = sideOf(file.local);
  const server = file.server === undefined ? absentSide(local) : sideOf(file.server);
  const base = file.base && sideOf(file.base);
  const comparisons = compareSides({ local, server, base });
  const recorded = new Map(file.conflict.fields.map((field) => [field.field, field]));
  const merged = mergeKeys(comparisons, ruleLookup(file.policy));
  return merged.map(({ comparison, value, rule }) => {
    const row = recorded.get(comparison.key);
    recorded.delete(comparison.key);
    const values = row ?? unrecorded(comparison, { conflict: file.conflict, merged: value, rule });
    return { values, equal: comparison.equal, explanation: explain(file, comparison, values.rule) };
  });
}

/** A key on which nothing was lost: the row says nothing of it, but the decision tells what became of it. */
function unrecorded(
  comparison: KeyComparison,
  { conflict, merged, rule }: { conflict: ConflictRow; merged: JsonValue | undefined; rule: DecisionRule },
): FieldConflict {
  const { key, local, server, base } = comparison;
  return {
    field: key,
    localJson: text(local.value),
    serverJson: text(server.value),
    baseJson: text(base?.value),
    decidedJson: text(decidedValue(conflict, comparison, merged)),
    rule,
  };
}

function decidedValue(conflict: ConflictRow, { local, server, equal }: KeyComparison, merged: JsonValue | undefined) {
  switch (conflict.decision) {
    case "open":
      return undefined;
    case "took_local":
      return local.value;
    case "kept_server":
    case "closed":
      return server.value;
    case "merged":
      return merged;
    case "edited":
      // A person's edit records every key on which something was lost; the others are as the merge has them.
      return equal ? server.value : merged;
  }
}

function explain(file: ConflictFile, comparison: KeyComparison, rule: string): string {
  return `${whatHappened(comparison)} ${why(file, comparison, rule)}`.trim();
}

function whatHappened({ equal, localChanged, serverChanged, local, server, base }: KeyComparison): string {
  if (equal) return localChanged && serverChanged ? "Both sides say the same." : "Nobody disagrees about it.";
  if (localChanged && serverChanged) {
    if (base === undefined) return "Both sides have it, and no common ancestor is known.";
    if (local.value === undefined) return "The device removed it and the other side changed it.";
    if (server.value === undefined) return "The device changed it and the other side removed it.";
    return "Both sides changed it.";
  }
  if (localChanged) return local.value === undefined ? "Only the device removed it." : "Only the device changed it.";
  return server.value === undefined ? "Only the other side removed it." : "Only the other side changed it.";
}

/** Rules of entity-store, which alone sees the graph (rung 2 of the ladder). */
type GraphRule = "cycle-refused" | "dead-end-refused";

/** Rules that need no names: a sentence each. */
const REASONS: Readonly<Record<Exclude<DecisionRule, "last-write-wins"> | GraphRule, string>> = {
  "cycle-refused": "The device's edge would have closed a cycle.",
  "dead-end-refused": "An end of the device's edge has been deleted.",
  equal: "",
  unchanged: "",
  "one-side": "",
  "set-merge": "It is a set: what either side added is in, what either side removed is out.",
  longer: "The longer text stands.",
  "true-if-either": "It is new, and one side says yes.",
  "accept-local": "The device's side was taken whole.",
  "accept-server": "The other side was kept whole.",
  manual: "It waits for a person.",
  edited: "A person wrote what it says now.",
  "delete-wins": "One side deleted the record, and a delete stands above edits.",
  "restore-wins": "The record was restored, which the delete did not know of.",
  "cascade-yields": "The relationship had only gone with its entity.",
  "too-large": "Both sides together would be too large; a person decides.",
  "type-differs": "The two sides are not of one type; a person decides.",
};

function why(file: ConflictFile, { local, server }: KeyComparison, rule: string): string {
  if (rule !== "last-write-wins") return Object.hasOwn(REASONS, rule) ? REASONS[rule as keyof typeof REASONS] : "";
  if (local.stamp === undefined || server.stamp === undefined) return "The only edit of it stands.";
  const localIsNewer = compareStamps(local.stamp, server.stamp) > 0;
  const [winner, author] = localIsNewer
    ? [local.stamp, authorOf(file, local.stamp)]
    : [server.stamp, authorOf(file, server.stamp)];
  return `The later edit stands: ${author}${winner.device} at ${timeOf(winner)}.`;
}

/** `ada on `, where the edit is one of the two versions and not an older one that they carry on. */
function authorOf({ local, server }: ConflictFile, stamp: Stamp): string {
  const made = (version: RecordVersion | undefined) =>
    version?.device === stamp.device && version.sequence === stamp.sequence;
  const version = made(local) ? local : made(server) ? server : undefined;
  return version === undefined ? "" : `${version.author} on `;
}

function timeOf({ effectiveUs }: Stamp): string {
  return new Date(effectiveUs / 1_000).toISOString();
}

function text(value: JsonValue | undefined): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}
