import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { GraphService } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_service_pb";
import type { RecordId } from "@funkygibbon/kernel/ids";
import { createRpcClient, type RpcClient } from "@funkygibbon/rpc/client";
import { silentLogger } from "@funkygibbon/runtime/log";
import pg from "pg";
import { type BenchSystem, startBenchSystem } from "./bench-system.ts";
import { durationsMs } from "./durations.ts";
import { type LargeHousehold, largeHousehold } from "./large-household.ts";
import { type Measurement, median, percentile, rounded } from "./measurement.ts";
import { writePublished } from "./write-published.ts";

/** How many times the counted calls go before: what V8 has not compiled yet takes twice as long, and a service runs for weeks. */
const WARM_UP_ROUNDS = 3;

const SELECT_BY_KEY = `
  select v.* from heads h join record_versions v on v.household_id = h.household_id and v.seq = h.seq
  where h.household_id = $1 and h.record_id = $2`;

/** What the graph benchmarks ask: the calls of one kind, and the least that PostgreSQL must do for their answers. */
export interface GraphQuestion {
  readonly name: string;
  /** The method of GraphService that is called. */
  readonly method: string;
  readonly calls: number;
  /** One call, each time about something else. */
  ask(store: GraphStore): Promise<unknown>;
  /** A statement without row level security, by a superuser on one connection. */
  bare(store: GraphStore): Promise<unknown>;
  /** What else is worth knowing about the answers. */
  describe?(): Measurement["detail"];
}

/** The large household, served by a whole system. */
export class GraphStore implements AsyncDisposable {
  readonly household: LargeHousehold;
  readonly graph: RpcClient<typeof GraphService>;
  readonly postgres: pg.Client;
  readonly #system: BenchSystem;
  readonly #token: string;

  private constructor(parts: {
    readonly system: BenchSystem;
    readonly household: LargeHousehold;
    readonly token: string;
    readonly postgres: pg.Client;
  }) {
    this.household = parts.household;
    this.postgres = parts.postgres;
    this.#system = parts.system;
    this.#token = parts.token;
    const url = parts.system.urls["entity-store"];
    this.graph = createRpcClient(GraphService, { url, log: silentLogger(), deadlineMs: 30_000 });
  }

  static async open(): Promise<GraphStore> {
    const system = await startBenchSystem({ logLevel: "debug" });
    const { id, token } = await system.household();
    const household = largeHousehold(id);
    const postgres = new pg.Client({ connectionString: system.databaseUrl });
    await postgres.connect();
    await writePublished(household.log, postgres);
    await system.settled();
    // What autovacuum would do by and by, and better now than in the middle of a measurement.
    await postgres.query("vacuum (analyze)");
    return new GraphStore({ system, household, token, postgres });
  }

  get as() {
    return { token: this.#token };
  }

  /** The least that a read can be: the newest body of one entity by its key. */
  selectByKey(entity: RecordId): Promise<unknown> {
    const values = [this.household.log.household, entity];
    return this.postgres.query({ name: "by-key", text: SELECT_BY_KEY, values });
  }

  /** Milliseconds that calls of a method took in the service, in their order: from their headers to their status. */
  async servedMs(method: string, calls: number): Promise<number[]> {
    for (;;) {
      const lines = readFileSync(this.#system.logFiles["entity-store"], "utf8").split("\n");
      const finished = lines.filter((line) => line.includes('"rpc.finished"') && line.includes(`/${method}"`));
      if (finished.length >= calls) return finished.map((line) => Number(JSON.parse(line).ms));
      await sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.graph[Symbol.asyncDispose]();
    await this.postgres.end();
    await this.#system[Symbol.asyncDispose]();
  }
}

/**
 * Asks one after another, over gRPC from a client on the same machine. The value is the median on the server's side, as
 * the service's own log has it; what the client saw is in the detail.
 */
export async function measureQuestion(store: GraphStore, question: GraphQuestion): Promise<Measurement> {
  const { name, method, calls } = question;
  const warmUps = WARM_UP_ROUNDS * calls;
  const before = (await store.servedMs(method, 0)).length;
  const warm = async (ask: () => Promise<unknown>) => (await durationsMs(warmUps + calls, ask)).slice(warmUps);
  const seen = await warm(() => question.ask(store));
  const bare = await warm(() => question.bare(store));
  const served = (await store.servedMs(method, before + warmUps + calls)).slice(before + warmUps);
  const value = median(served);
  const baseline = median(bare);
  return {
    name,
    value: rounded(value),
    unit: "ms",
    baseline: rounded(baseline),
    ratio: rounded(baseline / value),
    p50: rounded(value),
    p99: rounded(percentile(served, 0.99)),
    detail: {
      client_p50: rounded(median(seen)),
      client_p99: rounded(percentile(seen, 0.99)),
      ...question.describe?.(),
    },
  };
}
