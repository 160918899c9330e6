import { BareInsert } from "./bare-insert.ts";
import { openBenchLog } from "./bench-log.ts";
import { creates } from "./bench-records.ts";
import { type Measurement, median, rounded } from "./measurement.ts";

const RECORDS = 10_000;
const BATCH = 1_000;
const WARM_UPS = 2;
const RUNS = 9;

/**
 * 10,000 records of about 300 bytes committed in batches of 1000, two under way: rows a second, checks, lineage, stamps,
 * heads and digest included. Baseline: the same rows by a bare batched INSERT, turn by turn.
 */
export async function run(): Promise<Measurement[]> {
  await using log = await openBenchLog();
  await using bare = await BareInsert.open(log.databaseUrl);
  const committed: number[] = [];
  const inserted: number[] = [];
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    const household = await log.found();
    const changes = creates(RECORDS, "phone", 1);
    const began = performance.now();
    const underWay: Promise<void>[] = [];
    for (let start = 0; start < RECORDS; start += BATCH) {
      if (underWay.length === 2) await underWay.shift();
      underWay.push(log.push(household, "phone", changes.slice(start, start + BATCH)));
    }
    await Promise.all(underWay);
    const seconds = (performance.now() - began) / 1_000;
    const baseline = await bare.seconds(creates(RECORDS, "phone", 1), BATCH);
    if (round < WARM_UPS) continue;
    committed.push(RECORDS / seconds);
    inserted.push(RECORDS / baseline);
  }
  const value = median(committed);
  const baseline = median(inserted);
  return [
    {
      name: "commit-batch",
      value: rounded(value),
      unit: "/s",
      baseline: rounded(baseline),
      ratio: rounded(median(committed.map((rate, index) => rate / (inserted[index] ?? rate)))),
      detail: { runs: committed.map(rounded), baselines: inserted.map(rounded) },
    },
  ];
}
