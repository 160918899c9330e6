import { BareInsert } from "./bare-insert.ts";
import { openBenchLog } from "./bench-log.ts";
import { creates } from "./bench-records.ts";
import { type Measurement, median, rounded } from "./measurement.ts";

const HOUSEHOLDS = 64;
const COMMITS = 150;
const WARM_UPS = 2;
const RUNS = 7;

/**
 * Single-record commits of 64 households at once, each household's next one when the last is durable: commits a second.
 * Baseline: bare single-row INSERTs, each its own transaction, from as many connections as the log has, turn by turn.
 */
export async function run(): Promise<Measurement[]> {
  await using log = await openBenchLog();
  await using bare = await BareInsert.open(log.databaseUrl, log.connections);
  const committed: number[] = [];
  const inserted: number[] = [];
  for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
    const households = await Promise.all(Array.from({ length: HOUSEHOLDS }, () => log.found()));
    const changes = households.map(() => creates(COMMITS, "phone", 1));
    const began = performance.now();
    await Promise.all(
      households.map(async (household, index) => {
        for (const change of changes[index] ?? []) await log.push(household, "phone", [change]);
      }),
    );
    const seconds = (performance.now() - began) / 1_000;
    const baseline = await bare.singleRowsPerSecond(creates(HOUSEHOLDS * COMMITS, "phone", 1));
    if (round < WARM_UPS) continue;
    committed.push((HOUSEHOLDS * COMMITS) / seconds);
    inserted.push(baseline);
  }
  const value = median(committed);
  const baseline = median(inserted);
  return [
    {
      name: "commit-single-64",
      value: rounded(value),
      unit: "/s",
      baseline: rounded(baseline),
      ratio: rounded(median(committed.map((rate, index) => rate / (inserted[index] ?? rate)))),
      detail: { runs: committed.map(rounded), baselines: inserted.map(rounded), connections: log.connections },
    },
  ];
}
