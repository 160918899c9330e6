import { parseHouseholdId, type RecordId } from "@funkygibbon/kernel/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/test-database.ts";
import { ExplainingSession } from "../../test/explaining-session.ts";
import { SEED_START_US, SeededLog, seedId } from "../../test/seeded-log.ts";
import type { GraphSnapshot } from "../domain/graph-reads.ts";
import { PostgresActivity } from "./postgres-activity.ts";
import { PostgresGraph } from "./postgres-graph.ts";
import { PostgresLogReads } from "./postgres-log-reads.ts";
import { READER_SETTINGS } from "./session-settings.ts";

const household = parseHouseholdId("large");
const [place, other] = [seedId(1), seedId(2)];
const ids: RecordId[] = [place, other];
const THEN = SEED_START_US + 4_000 * 1_000_000;

const edges = { direction: "both", types: [] } as const;
const reads = {
  entities: (graph) => graph.entities(ids),
  relationships: (graph) => graph.relationships(ids),
  neighbours: (graph) => graph.neighbours({ ...edges, entity: place, entityTypes: [], limit: 10 }),
  around: (graph) => graph.around({ ...edges, frontier: ids, exclude: new Set(ids), goals: [place] }),
  expand: (graph) => graph.expand({ ...edges, frontier: ids, exclude: ids, limit: 10 }),
  contained: (graph) => graph.contained({ entity: place, types: ["connects_to"], maxDistance: 3 }),
  edgesAmong: (graph) => graph.edgesAmong(ids),
} satisfies Record<string, (graph: GraphSnapshot) => Promise<unknown>>;
type Read = keyof typeof reads;

const NOW: Record<Read, string[]> = {
  entities: ["heads_pkey", "record_versions_pkey"],
  relationships: ["heads_pkey", "record_versions_pkey"],
  neighbours: ["heads_by_from", "heads_by_to", "heads_pkey", "record_versions_pkey"],
  around: ["heads_by_from", "heads_by_to"],
  expand: ["heads_by_from", "heads_by_to", "heads_pkey"],
  contained: ["heads_by_to"],
  edgesAmong: ["heads_by_from", "record_versions_pkey"],
};
const LOOKS_BACK = ["record_versions_by_from", "record_versions_by_record", "record_versions_by_to"];
const THEN_INDEXES: Record<Read, string[]> = {
  entities: ["record_versions_by_record"],
  relationships: ["record_versions_by_record"],
  neighbours: ["heads_pkey", ...LOOKS_BACK, "record_versions_pkey"],
  around: LOOKS_BACK,
  expand: ["heads_pkey", ...LOOKS_BACK],
  contained: ["record_versions_by_record", "record_versions_by_to"],
  edgesAmong: ["record_versions_by_from", "record_versions_by_record"],
};

let test: TestDatabase;
let reader: ExplainingSession;

beforeAll(async () => {
  test = await createTestDatabase({ migrations: "services/entity-store/migrations" });
  reader = await ExplainingSession.open(test.url, READER_SETTINGS);
  // Every statement is planned now, for good, in tables that have never had a row of their own.
  for (const at of [undefined, THEN]) for (const read of Object.values(reads)) await ask(at, read);
  await expect(page()).rejects.toThrow("not found");
  for (const calls of Object.values(CALLS)) await calls();
  const log = new SeededLog(household);
  for (let n = 1; n <= 3_000; n++) log.entity(seedId(n), "device", { name: `Device ${n}` });
  for (let n = 1; n <= 3_000; n++) log.edge(seedId(10_000 + n), [seedId(n), "connects_to", seedId(1 + (n % 50))]);
  log.entity(other, "device", { name: "Changed" });
  await log.write(test);
  await nameCalls();
}, 60_000);

afterAll(async () => {
  await reader?.[Symbol.asyncDispose]();
  await test?.[Symbol.asyncDispose]();
});

/** Every hundredth version belongs to a call of two versions; the others are edits of devices. */
async function nameCalls(): Promise<void> {
  await test.sql(
    `update record_versions set origin_channel = 'mcp', origin_call = 'call-' || seq / 200
    where household_id = $1 and seq % 100 = 0`,
    [household],
  );
}

function ask(at: number | undefined, read: (graph: GraphSnapshot) => Promise<unknown>): Promise<unknown> {
  return new PostgresGraph(reader.database).snapshot({ household, at }, read);
}

function page() {
  const query = { household, afterSeq: 100, untilSeq: undefined, limit: 10, maxBytes: 1e6, skipTombstonesToSeq: 0 };
  return new PostgresLogReads(reader.database).page(query);
}

function calls(filter: { call?: string; record?: RecordId }) {
  const wanted = { call: undefined, record: undefined, channel: undefined, author: undefined, ...filter };
  const span = { since: undefined, until: undefined, before: undefined };
  return new PostgresActivity(reader.database).calls({ household, ...wanted, ...span, limit: 10 });
}

const CALLS = {
  latest: () => calls({}),
  named: () => calls({ call: "call-7" }),
  "of a record": () => calls({ record: place }),
};
const BY_CALL = ["decisions_in_order", "heads_pkey", "record_versions_by_call", "record_versions_by_record"];
const CALL_INDEXES: Record<keyof typeof CALLS, string[]> = {
  latest: [...BY_CALL, "record_versions_by_origin"].sort(),
  named: BY_CALL,
  "of a record": BY_CALL,
};

describe("a plan made while the database was empty looks up no more than it is asked for", () => {
  it.each(Object.entries(NOW))("%s of now", async (name, indexes) => {
    await reader.expectIndexes(() => ask(undefined, reads[name as Read]), indexes);
  });

  it.each(Object.entries(THEN_INDEXES))("%s of then", async (name, indexes) => {
    await reader.expectIndexes(() => ask(THEN, reads[name as Read]), indexes);
  });

  it.each(Object.entries(CALL_INDEXES))("calls, %s", async (which, indexes) => {
    await reader.expectIndexes(CALLS[which as keyof typeof CALLS], indexes);
  });

  it("a page of the log", async () => {
    await reader.expectIndexes(page, ["heads_by_seq", "record_versions_pkey"]);
    const { plans } = await reader.plansOf(page);
    expect(plans).toContain("WindowAgg");
    expect(plans).not.toContain("Sort");
  });
});
