import { ChangeLogService } from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { createRpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import pg from "pg";
import { SeededLog, seedId } from "../../services/entity-store/test/seeded-log.ts";
import { deviceBody } from "./bench-records.ts";
import { startBenchSystem } from "./bench-system.ts";
import { type Measurement, median, rounded } from "./measurement.ts";
import { writePublished } from "./write-published.ts";

const RECORDS = 10_000;
const PAGE = 1_000;
const WARM_UPS = 3;
const RUNS = 15;

/**
 * Seconds in which a caller with a service credential, as the coordinator is one, has read 10,000 heads in pages of 1000
 * through ChangeLogService.ReadLog, one after the other. Baseline: the same pages by bare selects, one after the other, on
 * one connection to PostgreSQL.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  const { id } = await system.household();
  const log = new SeededLog(id);
  for (let n = 1; n <= RECORDS; n += 1) log.entity(seedId(n), "device", JSON.parse(deviceBody(n)));
  const postgres = new pg.Client({ connectionString: system.databaseUrl });
  await postgres.connect();
  try {
    await writePublished(log, postgres);
    await system.settled();
    const token = await system.serviceToken("sync-coordinator");
    await using client = createRpcClient(ChangeLogService, {
      url: system.urls["entity-store"],
      serviceToken: () => token,
      log: silentLogger(),
      deadlineMs: 30_000,
    });
    const paged: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round < WARM_UPS + RUNS; round += 1) {
      const began = performance.now();
      let read = 0;
      for (let afterSeq = 0n; read < RECORDS; ) {
        const page = await client.readLog({ householdId: id, afterSeq, limit: PAGE });
        read += page.versions.length;
        afterSeq = page.throughSeq;
      }
      const selectBegan = performance.now();
      await readBare(postgres, id);
      if (round < WARM_UPS) continue;
      paged.push((selectBegan - began) / 1_000);
      bare.push((performance.now() - selectBegan) / 1_000);
    }
    const value = median(paged);
    const baseline = median(bare);
    const detail = { runs: paged.map(rounded) };
    return [
      {
        name: "page-10k",
        value: rounded(value),
        unit: "s",
        baseline: rounded(baseline),
        ratio: rounded(baseline / value),
        detail,
      },
    ];
  } finally {
    await postgres.end();
  }
}

async function readBare(postgres: pg.Client, household: string): Promise<void> {
  let read = 0;
  for (let afterSeq = 0; read < RECORDS; ) {
    const values = [household, afterSeq, PAGE];
    const { rows } = await postgres.query({ name: "bare-page", text: BARE_PAGE, values, rowMode: "array" });
    const lastSeq: unknown = rows.at(-1)?.[0];
    if (lastSeq === undefined) throw new Error(`only ${read} rows`);
    read += rows.length;
    afterSeq = Number(lastSeq);
  }
}

/** Heads by seq and their versions by key. As a plain join it took 5 s: see READ_PAGE in postgres-log-reads.ts. */
const BARE_PAGE = `
  select h.seq, v.* from heads h
  cross join lateral (
    select * from record_versions v where v.household_id = h.household_id and v.seq = h.seq limit 1
  ) v
  where h.household_id = $1 and h.seq > $2 order by h.seq limit $3`;
