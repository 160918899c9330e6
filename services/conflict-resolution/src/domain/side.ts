import { ENDS_KEY, type RecordContent } from "@funkygibbon/kernel/content";
import { type JsonObject, type JsonValue, jsonGet } from "@funkygibbon/kernel/json";
import type { RecordVersion } from "@funkygibbon/kernel/record";
import { expandStamps, type Stamp } from "@funkygibbon/kernel/stamp";

/** One version as a merge looks at it: its body key by key, each key with the edit that last set or removed it. */
export interface Side {
  readonly content: RecordContent;
  readonly deleted: boolean;
  /** `{}` for a tombstone. Says nothing when {@link bodyKnown} is false. */
  readonly body: JsonObject;
  /** False when retention has removed the body. The stamps serve still (contracts.md, Commit). */
  readonly bodyKnown: boolean;
  /** The stamps of all keys that the version ever had, removed ones too. */
  readonly stamps: ReadonlyMap<string, Stamp>;
  /** The stamp of the version itself. */
  readonly own: Stamp;
}

const EMPTY: JsonObject = {};

/** Reads a version as one side of a merge. */
export function sideOf(version: RecordVersion): Side {
  const own: Stamp = { effectiveUs: version.effectiveUs, device: version.device, sequence: version.sequence };
  const body = version.content.body ?? EMPTY;
  const stamps = expandStamps(version.stamps, Object.keys(body), own);
  if (version.content.kind === "relationship" && !stamps.has(ENDS_KEY)) stamps.set(ENDS_KEY, own);
  return {
    content: version.content,
    deleted: version.deleted,
    body,
    bodyKnown: version.deleted || !version.bodyRemoved,
    stamps,
    own,
  };
}

/** Type and ends of a relationship as the one value that they are merged as; undefined for an entity. */
export function endsOf(content: RecordContent): JsonObject | undefined {
  return content.kind === "entity" ? undefined : { from: content.from, to: content.to, type: content.type };
}

/** The value of a key on this side; undefined when the key is not there. */
export function valueAt(side: Side, key: string): JsonValue | undefined {
  return jsonGet(side.body, key);
}

/** The edit that last touched a key; undefined when the side never had it. A version without its body names no keys of its own edit, so it answers with that. */
export function stampOf(side: Side, key: string): Stamp | undefined {
  return side.stamps.get(key) ?? (side.bodyKnown ? undefined : side.own);
}
