import type { ChangeLogService, ReadLogResponse } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { DomainError } from "@funkygibbon/kernel/errors";
import type { HouseholdId } from "@funkygibbon/kernel/ids";
import type { RpcClient } from "@funkygibbon/rpc/client";
import type { Logger } from "@funkygibbon/runtime/log";
import { positionFromWire } from "@funkygibbon/wire/log-position";
import { FairTurns } from "../domain/fair-turns.ts";
import type { HouseholdClock } from "../domain/ports.ts";
import { type AnsweredCommit, answeredCommit } from "./applied-push.ts";
import { type CommitCall, CommitStream } from "./commit-stream.ts";

/** The store has few connections for reads; a household whose devices all come back at once takes some of them. */
const READS_AT_ONCE = { atOnce: 64, perHousehold: 4, bytesPerHousehold: Number.POSITIVE_INFINITY };

/** The log behind entity-store's ChangeLogService. */
export class RpcChangeLog implements AsyncDisposable {
  readonly #client: RpcClient<typeof ChangeLogService>;
  readonly #commits: CommitStream;
  readonly #reads = new FairTurns(READS_AT_ONCE);

  constructor(client: RpcClient<typeof ChangeLogService>, log: Logger) {
    this.#client = client;
    this.#commits = new CommitStream({ open: () => client.commitStream(), log });
  }

  async commit(call: CommitCall): Promise<AnsweredCommit> {
    return answeredCommit(call.changes, await this.#commits.commit(call));
  }

  read(query: {
    readonly household: HouseholdId;
    readonly afterSeq: number;
    readonly limit?: number;
    readonly tombstonesAboveSeq?: number;
  }): Promise<ReadLogResponse> {
    const request = {
      householdId: query.household,
      afterSeq: BigInt(query.afterSeq),
      limit: query.limit ?? 0,
      skipTombstonesToSeq: BigInt(query.tombstonesAboveSeq ?? 0),
    };
    return this.#reads.run(query.household, () => this.#client.readLog(request));
  }

  async clock(household: HouseholdId): Promise<HouseholdClock | undefined> {
    try {
      const { position, versions } = await this.#client.clocks({ householdId: household });
      return { position: positionFromWire(position), versions };
    } catch (error) {
      if (error instanceof DomainError && error.kind === "not-found") return undefined;
      throw error;
    }
  }

  async create(credentials: {
    readonly token?: string | undefined;
    readonly actor?: string | undefined;
  }): Promise<void> {
    await this.#client.heads({}, credentials);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#commits[Symbol.asyncDispose]();
  }
}
