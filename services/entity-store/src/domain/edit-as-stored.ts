import type { Micros } from "@funkygibbon/kernel/clock";
import { contentKeys } from "@funkygibbon/kernel/content";
import { compactStamps, expandStamps, type KeyStamps, type Stamp } from "@funkygibbon/kernel/stamp";
import type { DevicePush } from "./commit-job.ts";
import { deriveStamps, stampsWithoutParent } from "./derive-stamps.ts";
import { judgedHeal } from "./judged-times.ts";
import type { ValidChange } from "./prepared-change.ts";
import { ownStamp, type StoredVersion } from "./stored-version.ts";
import type { Appended, WorkingLog } from "./working-log.ts";

/** What an edit of a push is stored with. */
export interface StoringContext {
  readonly job: DevicePush;
  readonly log: WorkingLog;
  /** As of when it counts. */
  readonly effectiveUs: Micros;
  /** Those of its parents that are known; asked for only where its stamps depend on them. */
  readonly knownParents: () => readonly StoredVersion[];
}

/** An edit as the log will keep it. */
export function editAsStored(change: ValidChange, context: StoringContext): Appended {
  const { job, effectiveUs } = context;
  const { heal } = change;
  return {
    record: change.record,
    version: change.version,
    parents: change.parents,
    content: change.content,
    bodyText: change.bodyText,
    source: change.source,
    deleted: change.deleted,
    author: heal?.author ?? job.user,
    healer: heal === undefined ? undefined : job.user,
    device: change.device,
    sequence: change.sequence,
    stamps: stampsOf(change, context),
    claimedUs: change.claimedUs,
    effectiveUs,
    contentHash: change.contentHash,
    bodyRemoved: false,
    origin: undefined,
  };
}

function stampsOf(change: ValidChange, { job, log, effectiveUs, knownParents }: StoringContext): KeyStamps {
  const own = ownStamp({ ...change, effectiveUs });
  const { heal } = change;
  if (heal === undefined) return derivedStamps(change, own, knownParents);
  const keys = contentKeys(change.content);
  const { stamps } = judgedHeal(log, { ...change, heal }, job.receivedUs);
  return compactStamps(expandStamps(stamps, keys, own), keys, own);
}

function derivedStamps(change: ValidChange, own: Stamp, knownParents: StoringContext["knownParents"]): KeyStamps {
  if (change.deleted || change.parents.length === 0) return [];
  const parents = knownParents();
  return parents.length === 0
    ? stampsWithoutParent(change.content, own, change.changedKeys)
    : deriveStamps(change.content, own, parents, change.changedKeys);
}
