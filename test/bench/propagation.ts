import { setTimeout as sleep } from "node:timers/promises";
import { must } from "@funkygibbon/kernel/must";
import { BareInsert } from "./bare-insert.ts";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { startBenchSystem } from "./bench-system.ts";
import { type Measurement, percentile, rounded } from "./measurement.ts";

const WARM_UPS = 100;
const CHANGES = 500;
/** A device may call 200 times a second. */
const PAUSE_MS = 4;

/**
 * One change from device to device over two SyncStreams (grpc-js), durable before it is visible: milliseconds from the
 * push at one to the frame at the other, one after another. Baseline: one row by a bare INSERT, durable, nothing else.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  const { token } = await system.household();
  await using phoneClient = system.connect();
  await using panelClient = system.connect();
  await using phone = new BenchDevice(phoneClient, token, "phone");
  await using panel = new BenchDevice(panelClient, token, "panel");
  await phone.hello();
  await panel.hello();
  await Promise.all([phone.upToDate(0), panel.upToDate(0)]);

  const changes = creates(WARM_UPS + CHANGES, "phone", 1);
  const latencies: number[] = [];
  for (const [index, change] of changes.entries()) {
    const arrived = new Promise<number>((resolve) => {
      panel.onRecords = resolve;
    });
    const began = performance.now();
    const answered = phone.push([change]);
    const latency = (await arrived) - began;
    await answered;
    if (index >= WARM_UPS) latencies.push(latency);
    await sleep(PAUSE_MS);
  }
  if (panel.records !== changes.length) throw new Error(`${panel.records} records came, not ${changes.length}`);

  await using bare = await BareInsert.open(system.databaseUrl);
  const inserts = (await bare.batches(changes, 1)).slice(WARM_UPS);
  const p50 = percentile(latencies, 0.5);
  const baseline = percentile(inserts, 0.5);
  return [
    {
      name: "propagation",
      value: rounded(p50),
      unit: "ms",
      baseline: rounded(baseline),
      ratio: rounded(baseline / p50),
      p50: rounded(p50),
      p99: rounded(percentile(latencies, 0.99)),
      detail: { max: rounded(must(latencies.toSorted((a, b) => b - a)[0], "there are latencies")) },
    },
  ];
}
