import { readFileSync } from "node:fs";
import { openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { seedId } from "./seeded-log.ts";
import { PostgresGraph } from "../src/adapters/postgres-graph.ts";
import { PostgresSearch } from "../src/adapters/postgres-search.ts";
import { PostgresHouseholds } from "../src/adapters/postgres-households.ts";
import { descendants, UNLIMITED, walk } from "../src/domain/graph-walk.ts";
import { shortestPath } from "../src/domain/shortest-path.ts";
import { QueryMatcher } from "../src/domain/search-match.ts";
import { rankHits } from "../src/domain/rank-search.ts";
const only = process.argv[2] ?? "";
async function time(name: string, n: number, work: (i: number) => Promise<unknown>) {
  if (!name.includes(only)) return;
  const times: number[] = [];
  let last: unknown;
  for (let i = 0; i < n; i++) { const t = performance.now(); last = await work(i); times.push(performance.now() - t); }
  times.sort((a, b) => a - b);
  console.log(name, "p50", times[n >> 1]?.toFixed(2), "max", times.at(-1)?.toFixed(2), JSON.stringify(last));
}


const log = { household: parseHouseholdId("big") };
const E = 20_000, G = 150_000;
const mid = Date.UTC(2026, 0, 1) * 1_000 + (E + G) * 1_000_000;
const pool = openDatabase({ url: readFileSync("/tmp/d-perf-url", "utf8"), role: "funkygibbon_app", applicationName: "perf", log: silentLogger(), maxConnections: 4 });
const graph = new PostgresGraph(pool);
  const now = { household: log.household, at: undefined };
  const then = { household: log.household, at: mid };
  await time("get", 50, (i) => graph.snapshot(now, async (s) => (await s.entities([seedId(i)])).size));
  await time("neighbours", 50, (i) => graph.snapshot(now, async (s) => (await s.neighbours({ entity: seedId(i * 37 + 25), direction: "both", types: [], entityTypes: [], limit: 101 })).length));
  await time("neighbours+bodies", 50, (i) => graph.snapshot(now, async (s) => { const x = await s.neighbours({ entity: seedId(i * 37 + 25), direction: "both", types: [], entityTypes: [], limit: 101 }); const [a, b] = await Promise.all([s.entities(x.map((y) => y.reached)), s.relationships(x.map((y) => y.relationship))]); return a.size + b.size; }));
  await time("path", 50, (i) => graph.snapshot(now, async (s) => (await shortestPath(s, { from: seedId(i * 31 + 3), to: seedId(i * 117 + 4000), types: [], directed: false, maxDepth: 10 }))?.length));
  await time("path directed", 50, (i) => graph.snapshot(now, async (s) => (await shortestPath(s, { from: seedId(i * 31 + 3), to: seedId(i * 117 + 4000), types: [], directed: true, maxDepth: 10 }))?.length));
  await time("traverse3", 5, (i) => graph.snapshot(now, async (s) => (await walk(s, { start: seedId(i), direction: "both", types: [], maxDepth: 3, limit: 1000 })).reached.length));
  const sub = async (s: any, id: any) => { const r = await descendants(s, id, UNLIMITED); const ids = [id, ...r.reached.map((x) => x.reached)]; const [a, b] = await Promise.all([s.entities(ids), s.edgesAmong(ids)]); return [a.size, b.length]; };
  await time("subgraph now", 30, (i) => graph.snapshot(now, (s) => sub(s, seedId((i % 40) * 500))));
  await time("subgraph asof", 30, (i) => graph.snapshot(then, (s) => sub(s, seedId((i % 40) * 500))));
  await time("list asof", 5, () => graph.snapshot(then, async (s) => (await s.listEntities({ types: [], sources: [], among: undefined, nameContains: "", after: undefined, limit: 50 })).length));
  await time("list now", 20, () => graph.snapshot(now, async (s) => (await s.listEntities({ types: [], sources: [], among: undefined, nameContains: "", after: undefined, limit: 51 })).length));
  await time("list now 1000", 20, () => graph.snapshot(now, async (s) => (await s.listEntities({ types: [], sources: [], among: undefined, nameContains: "", after: undefined, limit: 1001 })).length));
  await time("count now", 10, () => graph.snapshot(now, async (s) => s.countEntities({ types: [], sources: [], among: undefined, nameContains: "", after: undefined, limit: 50 })));
  await time("list rels", 10, () => graph.snapshot(now, async (s) => (await s.listRelationships({ types: [], from: undefined, to: undefined, entity: undefined, after: undefined, limit: 50 })).length));
  const search = new PostgresSearch(pool);
  for (const q of ["kitchen lamp 77", "kitchen", "kit", "amp", "SN4711", "thermostta 12", "lmap", "zzzz", "e", "upstiars sensr"]) {
    const matcher = new QueryMatcher(q);
    await time(`search ${q}`, 15, async () => rankHits(matcher, await search.candidates({ household: log.household, matcher, types: [], limit: 20 }), 20).map((h) => h.match.kind).join().slice(0, 60));
  }
  await time("similar", 10, (i) => search.similarCandidates({ household: log.household, type: "device", body: { name: "kitchen lamp 33", maker: "lamp", serial: `SN${i}` }, limit: 10 }).then((r) => r.length));
  const hh = new PostgresHouseholds(pool);
  await time("stats", 5, () => hh.statistics(log.household).then((s) => s.versions));
  await time("integrity", 2, () => hh.checkIntegrity(log.household).then((s) => s.faults.length));

await pool[Symbol.asyncDispose]();
