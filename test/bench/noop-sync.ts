import { setTimeout as sleep } from "node:timers/promises";
import type { SyncResponse, SyncService } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { must } from "@funkygibbon/kernel/must";
import type { RpcClient } from "@funkygibbon/rpc/client";
import { Client, credentials } from "@grpc/grpc-js";
import { asSuperuser } from "../support/template-databases.ts";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { type BenchSystem, startBenchSystem } from "./bench-system.ts";
import { type Measurement, percentile, rounded } from "./measurement.ts";

const FEW = 100;
const MANY = 100_000;
const BATCH = 1_000;
const WARM_UPS = 200;
const SYNCS = 600;
/** A device may call 200 times a second. */
const PAUSE_MS = 4;
/** PostgreSQL's counters are at most this old. */
const COUNTERS_LAG_MS = 1_200;

/**
 * A unary Sync (grpc-js) that brings nothing and finds nothing, in a household of 100 records and in one of 100,000, turn
 * by turn: milliseconds, and how many transactions PostgreSQL saw meanwhile. Baseline: a health check over grpc-js.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  await using client = system.connect();
  const { host } = new URL(system.urls["sync-coordinator"]);
  const health = new Client(host, credentials.createInsecure());
  const few = await openHousehold(system, client, FEW);
  const many = await openHousehold(system, client, MANY);
  await system.settled();

  const latencies = { few: [] as number[], many: [] as number[], health: [] as number[] };
  let transactions = 0;
  for (let round = 0; round < WARM_UPS + SYNCS; round += 1) {
    if (round === WARM_UPS) transactions = await transactionsOf(system);
    // Whoever comes first after the pause pays for a machine that has been at rest, so all take turns at it.
    const turns = [
      { sync: few, into: latencies.few },
      { sync: many, into: latencies.many },
      { sync: () => check(health), into: latencies.health },
    ];
    turns.push(...turns.splice(0, round % turns.length));
    for (const { sync, into } of turns) {
      const latency = await timed(sync);
      if (round >= WARM_UPS) into.push(latency);
    }
    await sleep(PAUSE_MS);
  }
  transactions = (await transactionsOf(system)) - transactions;
  health.close();
  // Relay and sweeps look around about once a second, whoever syncs.
  if (transactions > SYNCS / 5) throw new Error(`${transactions} transactions for ${2 * SYNCS} syncs without changes`);

  const p50 = percentile(latencies.many, 0.5);
  const baseline = percentile(latencies.health, 0.5);
  return [
    {
      name: "noop-sync",
      value: rounded(p50),
      unit: "ms",
      baseline: rounded(baseline),
      ratio: rounded(baseline / p50),
      p50: rounded(p50),
      p99: rounded(percentile(latencies.many, 0.99)),
      growth: rounded(p50 / percentile(latencies.few, 0.5)),
      detail: {
        p50Of100: rounded(percentile(latencies.few, 0.5)),
        p99Of100: rounded(percentile(latencies.few, 0.99)),
        syncs: 2 * SYNCS,
        transactionsMeanwhile: transactions,
      },
    },
  ];
}

/** Makes a household of this many records; what it returns syncs its phone, which has all of them. */
async function openHousehold(
  system: BenchSystem,
  client: RpcClient<typeof SyncService>,
  records: number,
): Promise<() => Promise<void>> {
  const { token } = await system.household();
  await using phone = new BenchDevice(client, token, "phone");
  await phone.hello();
  for (let start = 0; start < records; start += BATCH) {
    await phone.push(creates(Math.min(BATCH, records - start), "phone", start + 1));
  }
  await phone.upToDate(records);
  const { household: householdId, epoch, cursor } = phone;
  let last: Pick<SyncResponse, "nextSyncToken" | "sessionId" | "vectorClock"> = {
    nextSyncToken: cursor,
    sessionId: "",
    vectorClock: {},
  };
  return async () => {
    const { nextSyncToken, sessionId, vectorClock } = last;
    const ground = { protocolVersion: PROTOCOL_VERSION, deviceId: "phone", householdId, epoch };
    const answer = await client.sync({ ...ground, nextSyncToken, sessionId, vectorClock }, { token });
    if (!answer.upToDate || answer.changes.length > 0) throw new Error("there was something new");
    last = answer;
  };
}

async function timed(call: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

function check(health: Client): Promise<void> {
  const asItIs = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    health.makeUnaryRequest("/grpc.health.v1.Health/Check", asItIs, asItIs, Buffer.alloc(0), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** What PostgreSQL has committed or rolled back in the database of the store so far. */
async function transactionsOf({ databaseUrl }: BenchSystem): Promise<number> {
  await sleep(COUNTERS_LAG_MS);
  return asSuperuser(databaseUrl, async (client) => {
    const { rows } = await client.query(COUNT_TRANSACTIONS);
    return Number(must(rows[0], "a database has its counters").transactions);
  });
}

const COUNT_TRANSACTIONS = `select xact_commit + xact_rollback as transactions from pg_stat_database
  where datname = current_database()`;
