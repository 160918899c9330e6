import { BareInsert } from "./bare-insert.ts";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { type BenchSystem, startBenchSystem } from "./bench-system.ts";
import { type Measurement, median, rounded } from "./measurement.ts";

const RECORDS = 10_000;
const BATCH = 1_000;
const WARM_UPS = 2;
const RUNS = 7;

/**
 * 10,000 records of about 300 bytes over one SyncStream (grpc-js), two pushes of 1000 under way, until the last durable
 * acknowledgement. Baseline: the same rows by a bare batched INSERT in the same run, turn by turn.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  await using bare = await BareInsert.open(system.databaseUrl);
  const pushed: number[] = [];
  const inserted: number[] = [];
  const cpu: { coordinator: number; store: number }[] = [];
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    const before = system.cpuSeconds();
    const seconds = await pushAll(system);
    const after = system.cpuSeconds();
    const spent = (name: "sync-coordinator" | "entity-store") => after[name] - before[name];
    await system.settled();
    const baseline = await bare.seconds(creates(RECORDS, "phone", 1), BATCH);
    if (round < WARM_UPS) continue;
    pushed.push(seconds);
    inserted.push(baseline);
    cpu.push({ coordinator: spent("sync-coordinator"), store: spent("entity-store") });
  }
  const value = median(pushed);
  const baseline = median(inserted);
  return [
    {
      name: "push-10k",
      value: rounded(value),
      unit: "s",
      baseline: rounded(baseline),
      ratio: rounded(baseline / value),
      detail: {
        runs: pushed.map(rounded),
        baselines: inserted.map(rounded),
        coordinatorCpuSeconds: rounded(median(cpu.map(({ coordinator }) => coordinator))),
        storeCpuSeconds: rounded(median(cpu.map(({ store }) => store))),
      },
    },
  ];
}

async function pushAll(system: BenchSystem): Promise<number> {
  const { token } = await system.household();
  await using client = system.connect();
  await using device = new BenchDevice(client, token, "phone");
  await device.hello();
  await device.upToDate(0);
  const changes = creates(RECORDS, "phone", 1);
  const began = performance.now();
  const underWay: Promise<void>[] = [];
  for (let start = 0; start < RECORDS; start += BATCH) {
    if (underWay.length === 2) await underWay.shift();
    underWay.push(device.push(changes.slice(start, start + BATCH)));
  }
  await Promise.all(underWay);
  const seconds = (performance.now() - began) / 1_000;
  await device.upToDate(RECORDS);
  return seconds;
}
