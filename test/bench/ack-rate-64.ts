import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { BareInsert } from "./bare-insert.ts";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { startBenchSystem } from "./bench-system.ts";
import { Http2Connection } from "./http2-connection.ts";
import { type Measurement, median, percentile, rounded } from "./measurement.ts";

const DEVICES = 64;
const PUSHES = 75;
const WARM_UPS = 2;
const RUNS = 5;
/** As many as entity-store writes with. */
const STORE_CONNECTIONS = 4;

/**
 * 64 devices of 64 households, each on a connection of its own (node:http2), push single records, each the next one when
 * the last is acknowledged: durable acknowledgements a second. Baseline: bare single-row INSERTs, each its own
 * transaction, from as many connections as the store has, turn by turn.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  await using bare = await BareInsert.open(system.databaseUrl, STORE_CONNECTIONS);
  await using opened = new AsyncDisposableStack();
  const devices = await Promise.all(
    Array.from({ length: DEVICES }, async () => {
      const { token } = await system.household();
      const connection = opened.use(new Http2Connection(system.urls["sync-coordinator"]));
      const device = opened.use(new BenchDevice(connection, token, "phone"));
      await device.hello();
      await device.upToDate(0);
      return device;
    }),
  );
  const rates: number[] = [];
  const inserted: number[] = [];
  const latencies: number[] = [];
  const cpu: { coordinator: number[]; store: number[] } = { coordinator: [], store: [] };
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    const pushes = devices.map((device) => ({ device, changes: creates(PUSHES, "phone", round * PUSHES + 1) }));
    const before = system.cpuSeconds();
    const began = performance.now();
    const waited = await Promise.all(pushes.map(({ device, changes }) => pushAll(device, changes)));
    const seconds = (performance.now() - began) / 1_000;
    const after = system.cpuSeconds();
    await system.settled();
    const baseline = await bare.singleRowsPerSecond(creates(DEVICES * PUSHES, "phone", 1));
    if (round < WARM_UPS) continue;
    rates.push((DEVICES * PUSHES) / seconds);
    inserted.push(baseline);
    latencies.push(...waited.flat());
    cpu.coordinator.push((after["sync-coordinator"] - before["sync-coordinator"]) / seconds);
    cpu.store.push((after["entity-store"] - before["entity-store"]) / seconds);
  }
  const value = median(rates);
  const baseline = median(inserted);
  return [
    {
      name: "ack-rate-64",
      value: rounded(value),
      unit: "/s",
      baseline: rounded(baseline),
      ratio: rounded(value / baseline),
      p50: rounded(percentile(latencies, 0.5)),
      p99: rounded(percentile(latencies, 0.99)),
      detail: {
        runs: rates.map(rounded),
        baselines: inserted.map(rounded),
        coordinatorCores: rounded(median(cpu.coordinator)),
        storeCores: rounded(median(cpu.store)),
      },
    },
  ];
}

/** Milliseconds until each was acknowledged. */
async function pushAll(device: BenchDevice, changes: readonly Change[]): Promise<number[]> {
  const waited: number[] = [];
  for (const change of changes) {
    const began = performance.now();
    await device.push([change]);
    waited.push(performance.now() - began);
  }
  return waited;
}
