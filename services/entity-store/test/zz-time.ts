import { readFileSync } from "node:fs";
import { openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
const pool = openDatabase({ url: readFileSync("/tmp/d-perf-url", "utf8"), role: "funkygibbon_app", applicationName: "perf", log: silentLogger(), maxConnections: 1 });
const h = parseHouseholdId("big");
const inner = pool.inTransaction.bind(pool);
import { PostgresSearch } from "../src/adapters/postgres-search.ts";
import { QueryMatcher } from "../src/domain/search-match.ts";
import { rankHits } from "../src/domain/rank-search.ts";
const times: Record<string, number[]> = {};
const timed = { ...pool, inTransaction: (o: any, w: any) => inner(o, (tx) => w({ query: async (s: any, v: any) => { const t = performance.now(); const r = await tx.query(s, v); (times[s.name] ??= []).push(performance.now() - t); return r; } })) };
const search = new PostgresSearch(timed as any);
for (const q of ["SN4711", "kitchen", "lmap", "zzzz", "thermostta 12"]) {
  for (const k of Object.keys(times)) delete times[k];
  const total = [], rank = [];
  for (let i = 0; i < 20; i++) {
    const t = performance.now();
    const matcher = new QueryMatcher(q);
    const c = await search.candidates({ household: h, matcher, types: [], limit: 20 });
    const t2 = performance.now();
    rankHits(matcher, c, 20);
    rank.push(performance.now() - t2); total.push(performance.now() - t);
  }
  const p50 = (a: number[]) => a.sort((x, y) => x - y)[a.length >> 1]!.toFixed(2);
  console.log(q, "total", p50(total), "rank", p50(rank), Object.entries(times).map(([k, v]) => `${k}=${p50(v)}`).join(" "));
}
await pool[Symbol.asyncDispose]();
