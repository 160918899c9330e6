import { randomBytes } from "node:crypto";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { type Epoch, type HouseholdId, parseDeviceId, parseHouseholdId, type UserId } from "@funkygibbon/kernel/ids";
import { openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { sha256 } from "@funkygibbon/runtime/sha256";
import { changeFromWire } from "@funkygibbon/wire/change";
import { PostgresChangeLog } from "../../services/entity-store/src/adapters/postgres-change-log.ts";
import { PostgresHouseholdFounding } from "../../services/entity-store/src/adapters/postgres-household-founding.ts";
import { PostgresLogReads } from "../../services/entity-store/src/adapters/postgres-log-reads.ts";
import { prepareChange } from "../../services/entity-store/src/domain/prepare-change.ts";
import { localInfrastructure } from "../support/infrastructure.ts";
import { createBenchDatabase } from "./bench-database.ts";

/** A household that exists, as a commit names it. */
export interface BenchHousehold {
  readonly id: HouseholdId;
  readonly epoch: Epoch;
}

/**
 * The log of entity-store in this process, on a PostgreSQL with its defaults and as the application role: what stands
 * behind CommitStream, without the stream. No relay and no projector follow it.
 */
export interface BenchLog extends AsyncDisposable {
  /** Of a superuser. */
  readonly databaseUrl: string;
  readonly connections: number;
  found(): Promise<BenchHousehold>;
  /** Checks and commits a push of this device, as the handler of CommitStream does. Throws unless all of it was applied. */
  push(household: BenchHousehold, device: string, changes: readonly Change[]): Promise<void>;
}

/** As many writers as entity-store has by default. */
const CONNECTIONS = 4;

/** DATABASE_URL of the environment is used where given. */
export async function openBenchLog(): Promise<BenchLog> {
  await using opened = new AsyncDisposableStack();
  const infrastructure = opened.use(localInfrastructure(process.env));
  const { url } = opened.use(await createBenchDatabase(await infrastructure.postgres()));
  const open = (maxConnections: number) =>
    opened.use(
      openDatabase({ url, role: "funkygibbon_app", applicationName: "bench", maxConnections, log: silentLogger() }),
    );
  const log = new PostgresChangeLog({
    database: open(CONNECTIONS),
    clock: systemClock,
    log: silentLogger(),
    lanes: CONNECTIONS,
    onCommit: () => {},
  });
  const readers = open(2);
  const founding = new PostgresHouseholdFounding(readers, systemClock);
  const reads = new PostgresLogReads(readers);
  const running = opened.move();
  return {
    databaseUrl: url,
    connections: CONNECTIONS,
    async found() {
      const id = parseHouseholdId(`bench-${randomBytes(5).toString("hex")}`);
      await founding.found(id);
      return { id, epoch: (await reads.position(id)).epoch };
    },
    async push({ id, epoch }, deviceName, changes) {
      const device = parseDeviceId(deviceName);
      const receivedUs = systemClock.now();
      const { outcomes } = await log.commit({
        kind: "push",
        household: id,
        user: "ada" as UserId,
        epoch,
        device,
        receivedUs,
        clockOffsetUs: 0,
        notBeforeUs: 0,
        changes: changes.map((change) => prepareChange(changeFromWire(change), { device, sha256 })),
        resolutions: [],
      });
      if (outcomes.some((outcome) => outcome?.outcome !== "applied")) throw new Error("a change was not applied");
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
