import { contentKeys, ENDS_KEY, type RecordContent } from "@funkygibbon/kernel/content";
import { type JsonObject, jsonEquals, jsonGet } from "@funkygibbon/kernel/json";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { compareStamps, compareUtf8 } from "@funkygibbon/kernel/stamp";

/**
 * The top-level keys whose values differ from those of the first parent, sorted; {@link ENDS_KEY} for a relationship's
 * type and ends; all keys without a known parent. Where retention has taken one of the bodies, the stamps tell which
 * keys the edit itself set.
 */
export function changedKeys(version: RecordVersion, parent: RecordVersion | undefined): readonly string[] {
  if (version.bodyRemoved || parent?.bodyRemoved === true) return ownKeys(version);
  if (parent === undefined) return [...contentKeys(version.content)].sort(compareUtf8);
  const changed = bodyDifference(version.content.body ?? {}, parent.content.body ?? {});
  if (endsDiffer(version.content, parent.content)) changed.push(ENDS_KEY);
  return changed.sort(compareUtf8);
}

function bodyDifference(body: JsonObject, parent: JsonObject): string[] {
  const keys = new Set([...Object.keys(body), ...Object.keys(parent)]);
  return [...keys].filter((key) => !jsonEquals(jsonGet(body, key), jsonGet(parent, key)));
}

function endsDiffer(a: RecordContent, b: RecordContent): boolean {
  if (a.kind !== "relationship" || b.kind !== "relationship") return false;
  return a.type !== b.type || a.from !== b.from || a.to !== b.to;
}

function ownKeys(version: RecordVersion): readonly string[] {
  const own = { effectiveUs: version.effectiveUs, device: version.device, sequence: version.sequence };
  return version.stamps
    .filter((group) => compareStamps(group.stamp, own) === 0)
    .flatMap((group) => group.keys)
    .sort(compareUtf8);
}
