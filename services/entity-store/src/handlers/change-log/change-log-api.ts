import type { RecordVersion as WireRecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type { Identity } from "@funkygibbon/kernel/identity";
import type { CommitLog } from "../../domain/commit-job.ts";
import type { HouseholdFounding, LogReads } from "../../domain/log-reads.ts";

/** What the handlers of ChangeLogService work with. */
export interface ChangeLogApi {
  readonly commits: CommitLog;
  readonly reads: LogReads<WireRecordVersion>;
  readonly founding: HouseholdFounding;
  /** Verifies the token of the user for whom a push is committed; remembered until it expires. */
  readonly verifyUser: (token: string) => Promise<Identity>;
}
