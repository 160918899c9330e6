import type { DeviceId, HouseholdId } from "@funkygibbon/kernel/ids";
import type { ConflictRow, LogPosition } from "@funkygibbon/kernel/record";
import type { PlannedHead } from "./working-log.ts";

/** What happened in a commit, told to whatever follows the log in this process. The log itself is the truth. */
export interface CommitNotice {
  readonly household: HouseholdId;
  /** Where the log stands after it. */
  readonly position: LogPosition;
  /** 0 when no version was written, only conflicts. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** The versions that became heads and still are, in the order of their seq. */
  readonly heads: readonly PlannedHead[];
  /** The device whose push it was; undefined for API writes and settlements. */
  readonly originDevice: DeviceId | undefined;
  /** Conflicts that were opened, changed, settled or closed. */
  readonly conflicts: readonly ConflictRow[];
}

/** Hears of commits. Called after the commit is durable, in the order of a household's commits; must not throw or wait. */
export type CommitListener = (notice: CommitNotice) => void;
