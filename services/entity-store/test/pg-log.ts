import { systemClock } from "@funkygibbon/kernel/clock";
import type { DeviceId, Epoch, HouseholdId, UserId } from "@funkygibbon/kernel/ids";
import type { IncomingChange } from "@funkygibbon/kernel/record";
import type { Database } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { createTestDatabase, type TestDatabase } from "../../../test/support/test-database.ts";
import { PostgresChangeLog, type PostgresChangeLogOptions } from "../src/adapters/postgres-change-log.ts";
import { PostgresHouseholdFounding } from "../src/adapters/postgres-household-founding.ts";
import { PostgresLogReads } from "../src/adapters/postgres-log-reads.ts";
import { WRITER_SETTINGS } from "../src/adapters/session-settings.ts";
import type { ApiAction, ApiWrite, DevicePush, PushResult } from "../src/domain/commit-job.ts";
import { prepareChange } from "../src/domain/prepare-change.ts";
import { LONG_US, START_US, sha256 } from "./memory-log.ts";

/** How a push departs from the ordinary. */
export interface PgPushOptions {
  readonly household?: string;
  readonly device?: string;
  readonly resolutions?: DevicePush["resolutions"];
  readonly epoch?: string;
}

/** The log on a PostgreSQL of the test's own. */
export class PgLog implements AsyncDisposable {
  readonly test: TestDatabase;
  readonly database: Database;
  readonly log: PostgresChangeLog;
  readonly reads: PostgresLogReads;
  readonly founding: PostgresHouseholdFounding;
  readonly #epochs = new Map<string, string>();

  constructor(test: TestDatabase, options: Partial<PostgresChangeLogOptions> = {}) {
    this.test = test;
    this.database = test.open({ role: "funkygibbon_app", maxConnections: 8, settings: WRITER_SETTINGS });
    this.log = new PostgresChangeLog({
      database: this.database,
      clock: systemClock,
      log: silentLogger(),
      onCommit: () => {},
      ...options,
    });
    this.reads = new PostgresLogReads(this.database);
    this.founding = new PostgresHouseholdFounding(this.database, systemClock);
  }

  static async open(options: Partial<PostgresChangeLogOptions> = {}): Promise<PgLog> {
    return new PgLog(await createTestDatabase({ migrations: "services/entity-store/migrations" }), options);
  }

  /** Another process on the same database. */
  replica(options: Partial<PostgresChangeLogOptions> = {}): PgLog {
    return new PgLog(this.test, options);
  }

  /** Founds a household, once, and gives its epoch. */
  async epoch(household = "home"): Promise<string> {
    const known = this.#epochs.get(household);
    if (known !== undefined) return known;
    await this.founding.found(household as HouseholdId);
    const { epoch } = await this.reads.position(household as HouseholdId);
    this.#epochs.set(household, epoch);
    return epoch;
  }

  async push(changes: readonly IncomingChange[], options: PgPushOptions = {}): Promise<PushResult> {
    const epoch = options.epoch ?? (await this.epoch(options.household));
    return this.log.commit(pushJob(changes, { ...options, epoch }));
  }

  async api(action: ApiAction, changed: Partial<ApiWrite> = {}) {
    await this.epoch(changed.household);
    return this.log.commit({
      kind: "api",
      household: "home" as HouseholdId,
      user: "ada" as UserId,
      receivedUs: systemClock.now(),
      origin: { channel: "mcp", clientName: "test", tool: "edit", callId: "call-1" },
      request: undefined,
      dryRun: false,
      action,
      ...changed,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.test[Symbol.asyncDispose]();
  }
}

/** A push as the handler makes it of what a device sent. */
export function pushJob(
  changes: readonly IncomingChange[],
  options: PgPushOptions & { readonly epoch: string },
): DevicePush {
  const device = (options.device ?? changes[0]?.version.match(/Z-(.+)-\d+$/)?.[1] ?? "phone") as DeviceId;
  // Later than anything that a test claims, on whatever day it runs.
  const receivedUs = Math.max(systemClock.now(), START_US + LONG_US);
  return {
    kind: "push",
    household: (options.household ?? "home") as HouseholdId,
    user: "ada" as UserId,
    epoch: options.epoch as Epoch,
    device,
    receivedUs,
    clockOffsetUs: 0,
    notBeforeUs: 0,
    changes: changes.map((change) => prepareChange(change, { device, sha256 })),
    resolutions: options.resolutions ?? [],
  };
}
