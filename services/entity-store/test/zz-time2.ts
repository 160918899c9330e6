import { readFileSync } from "node:fs";
import { openDatabase } from "@funkygibbon/postgres/database";
import { silentLogger } from "@funkygibbon/runtime/log";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { PostgresGraph } from "../src/adapters/postgres-graph.ts";
import { descendants, UNLIMITED } from "../src/domain/graph-walk.ts";
import { shortestPath } from "../src/domain/shortest-path.ts";
import { seedId } from "./seeded-log.ts";
const pool = openDatabase({ url: readFileSync("/tmp/d-perf-url", "utf8"), role: "funkygibbon_app", applicationName: "perf", log: silentLogger(), maxConnections: 1 });
const household = parseHouseholdId("big");
const inner = pool.inTransaction.bind(pool);
let times: Record<string, number[]> = {};
const timed = { ...pool, inTransaction: (o: any, w: any) => inner(o, (tx) => w({ query: async (s: any, v: any) => { const t = performance.now(); const r = await tx.query(s, v); (times[s.name] ??= []).push(performance.now() - t); return r; } })) };
const graph = new PostgresGraph(timed as any);
const mid = Date.UTC(2026, 0, 1) * 1_000 + 170_000 * 1_000_000;
const p50 = (a: number[]) => a.sort((x, y) => x - y)[a.length >> 1]!.toFixed(2);
const sub = async (s: any, id: any) => { const r = await descendants(s, id, UNLIMITED); const ids = [id, ...r.reached.map((x) => x.reached)]; const a = await s.entities(ids); const b = await s.edgesAmong(ids); return [a.size, b.length]; };
for (const [name, at, f] of [["sub now", undefined, sub], ["sub asof", mid, sub], ["path", undefined, (s: any, id: any, i: number) => shortestPath(s, { from: seedId(i * 31 + 3), to: seedId(i * 117 + 4000), types: [], directed: false, maxDepth: 10 })]] as any) {
  times = {}; const total = [];
  for (let i = 0; i < 30; i++) { const t = performance.now(); await graph.snapshot({ household, at }, (s) => f(s, seedId(i * 500), i)); total.push(performance.now() - t); }
  console.log(name, p50(total), Object.entries(times).map(([k, v]) => `${k}=${p50(v)}(n${v.length},max ${v.at(-1)!.toFixed(1)})`).join(" "));
}
await pool[Symbol.asyncDispose]();
