import { BareInsert } from "./bare-insert.ts";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { startBenchSystem } from "./bench-system.ts";
import { type Measurement, median, rounded } from "./measurement.ts";

const RECORDS = 10_000;
const BATCH = 1_000;
const WARM_UPS = 2;
const RUNS = 9;

/**
 * A fresh device that pulls 10,000 records over SyncStream (grpc-js): seconds from its hello to up_to_date. Baseline: the
 * bare batched INSERT of the same rows.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  const { token } = await system.household();
  await using client = system.connect();
  const changes = creates(RECORDS, "phone", 1);
  {
    await using phone = new BenchDevice(client, token, "phone");
    await phone.hello();
    for (let start = 0; start < RECORDS; start += BATCH) await phone.push(changes.slice(start, start + BATCH));
  }
  const runs: number[] = [];
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    await using fresh = new BenchDevice(client, token, `fresh-${round}`);
    const began = performance.now();
    await fresh.hello();
    await fresh.upToDate(RECORDS);
    const seconds = (performance.now() - began) / 1_000;
    if (fresh.records !== RECORDS) throw new Error(`${fresh.records} records came, not ${RECORDS}`);
    if (round >= WARM_UPS) runs.push(seconds);
  }
  await using bare = await BareInsert.open(system.databaseUrl);
  const baseline = await bare.seconds(changes, BATCH);
  const value = median(runs);
  return [
    {
      name: "pull-10k",
      value: rounded(value),
      unit: "s",
      baseline: rounded(baseline),
      ratio: rounded(baseline / value),
      detail: { runs: runs.map(rounded) },
    },
  ];
}
