import type {
  CommitResult,
  CommitStreamRequest,
  Divergence,
  ReadLogResponse,
  Resolution,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { LogPage } from "../domain/log-page.ts";
import type { HouseholdClock } from "../domain/ports.ts";

/** A push to commit, as the store takes it. Changes, divergences and resolutions pass through unread. */
export type CommitCall = Omit<CommitStreamRequest, "$typeName" | "$unknown" | "requestId">;

/** What proves to other services for whom something is done: the user's own token, or a signed actor. */
export interface Credentials {
  readonly token?: string | undefined;
  readonly actor?: string | undefined;
}

/** Which page of a log is wanted. */
export interface LogQuery {
  readonly household: HouseholdId;
  readonly afterSeq: number;
  /** Records; the default is the protocol's page. */
  readonly limit?: number;
  /** Tombstones up to here are left out. */
  readonly tombstonesAboveSeq?: number;
}

/** What the store answered to a commit. */
export interface CommitAnswer {
  /** With one outcome for each change. */
  readonly result: CommitResult;
  /** What was written, as a page of the log; undefined where the answer does not tell all of it. */
  readonly written: LogPage | undefined;
}

/** The log of every household, as entity-store keeps it. */
export interface ChangeLog {
  /** One transaction. Calls of one household are committed in the order in which they are made. */
  commit(call: CommitCall): Promise<CommitAnswer>;
  /** One page above a seq, with the log's position in the same snapshot. */
  read(query: LogQuery): Promise<ReadLogResponse>;
  /** The durable clock; undefined for a household that has none yet. */
  clock(household: HouseholdId): Promise<HouseholdClock | undefined>;
  /** The first contact of a writing role creates the household. @throws `not-found` for a guest. */
  create(credentials: Credentials): Promise<void>;
}

/** Decides divergences, one resolution for each, in their order. */
export interface Resolver {
  resolve(divergences: readonly Divergence[]): Promise<readonly Resolution[]>;
}
