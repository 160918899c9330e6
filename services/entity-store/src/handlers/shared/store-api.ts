import type { Clock } from "@funkygibbon/kernel/clock";
import type { RecordId } from "@funkygibbon/kernel/ids";
import type { ActivityReads } from "../../domain/activity-reads.ts";
import type { CommitLog } from "../../domain/commit-job.ts";
import type { ConflictPolicies, ConflictReads } from "../../domain/conflict-reads.ts";
import type { GraphReads } from "../../domain/graph-reads.ts";
import type { HistoryReads } from "../../domain/history-reads.ts";
import type { PageTokens } from "../../domain/page-token.ts";
import type { SearchReads } from "../../domain/search-reads.ts";
import type { HouseholdReads } from "../../domain/statistics.ts";

/** What the handlers of the public API and of ConflictStoreService work with. */
export interface StoreApi {
  readonly commits: CommitLog;
  readonly graph: GraphReads;
  readonly history: HistoryReads;
  readonly activity: ActivityReads;
  readonly search: SearchReads;
  readonly households: HouseholdReads;
  readonly conflicts: ConflictReads;
  readonly policies: ConflictPolicies;
  readonly pageTokens: PageTokens;
  readonly clock: Clock;
  /** A fresh UUIDv7. */
  readonly newRecordId: () => RecordId;
}
