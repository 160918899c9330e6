import { contentKeys, ENDS_KEY, type RecordContent } from "@funkygibbon/kernel/content";
import { type JsonObject, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { compareStamps, compareUtf8, type Stamp } from "@funkygibbon/kernel/stamp";

/** What of a version tells which keys it has changed. */
export type KeyedVersion = Pick<
  RecordVersion,
  "content" | "stamps" | "effectiveUs" | "device" | "sequence" | "bodyRemoved"
>;

/**
 * The top-level keys whose values differ from those of the first parent, sorted; {@link ENDS_KEY} for a relationship's
 * type and ends; all keys without a known parent. Where retention has taken one of the bodies, the stamps tell which
 * keys the edit itself set.
 */
export function changedKeys(version: KeyedVersion, parent: KeyedVersion | undefined): readonly string[] {
  if (version.bodyRemoved || parent?.bodyRemoved === true) return ownKeys(version);
  if (parent === undefined) return [...contentKeys(version.content)].sort(compareUtf8);
  const changed = bodyDifference(version.content.body ?? {}, parent.content.body ?? {});
  if (endsDiffer(version.content, parent.content)) changed.push(ENDS_KEY);
  return changed.sort(compareUtf8);
}

/**
 * As {@link changedKeys}, of two versions with any number of edits in between: without one of the bodies, the keys whose
 * stamps differ, as far as the stamps name them.
 */
export function differingKeys(after: KeyedVersion, before: KeyedVersion): readonly string[] {
  if (!after.bodyRemoved && !before.bodyRemoved) return changedKeys(after, before);
  const keys = [after, before].flatMap((version) => [
    ...(version.bodyRemoved ? [] : contentKeys(version.content)),
    ...version.stamps.flatMap((group) => group.keys),
  ]);
  return [...new Set(keys)].filter((key) => !sameStamp(stampOf(after, key), stampOf(before, key))).sort(compareUtf8);
}

/** Who last set a key; undefined when the version does not have it. */
function stampOf(version: KeyedVersion, key: string): Stamp | undefined {
  const own = { effectiveUs: version.effectiveUs, device: version.device, sequence: version.sequence };
  if (version.stamps.length === 0) return own;
  return version.stamps.find((group) => group.keys.includes(key))?.stamp;
}

function sameStamp(a: Stamp | undefined, b: Stamp | undefined): boolean {
  return a === undefined || b === undefined ? a === b : compareStamps(a, b) === 0;
}

function bodyDifference(body: JsonObject, parent: JsonObject): string[] {
  const keys = new Set([...Object.keys(body), ...Object.keys(parent)]);
  return [...keys].filter((key) => !jsonEquals(jsonGet(body, key), jsonGet(parent, key)));
}

function endsDiffer(a: RecordContent, b: RecordContent): boolean {
  if (a.kind !== "relationship" || b.kind !== "relationship") return false;
  return a.type !== b.type || a.from !== b.from || a.to !== b.to;
}

function ownKeys(version: KeyedVersion): readonly string[] {
  const own = { effectiveUs: version.effectiveUs, device: version.device, sequence: version.sequence };
  return version.stamps
    .filter((group) => compareStamps(group.stamp, own) === 0)
    .flatMap((group) => group.keys)
    .sort(compareUtf8);
}
