import { parseArgs } from "node:util";
import type { Benchmark } from "./measurement.ts";

/** Each measures in a system of its own and prints what it found; see the docs of its file for what is measured. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  "commit-batch": () => import("./commit-batch.ts"),
  "commit-single-64": () => import("./commit-single-64.ts"),
  "push-10k": () => import("./push-10k.ts"),
  "pull-10k": () => import("./pull-10k.ts"),
  propagation: () => import("./propagation.ts"),
  "noop-sync": () => import("./noop-sync.ts"),
  "ack-rate-64": () => import("./ack-rate-64.ts"),
  "fanout-500": () => import("./fanout-500.ts"),
  "idle-streams": () => import("./idle-streams.ts"),
  "noisy-neighbour": () => import("./noisy-neighbour.ts"),
  "rss-total": () => import("./rss-total.ts"),
  "page-10k": () => import("./page-10k.ts"),
  "graph-neighbours": () => import("./graph-neighbours.ts"),
  "graph-path": () => import("./graph-path.ts"),
  "graph-search": () => import("./graph-search.ts"),
  "graph-asof": () => import("./graph-asof.ts"),
  "mcp-read": () => import("./mcp-read.ts"),
  "mcp-write": () => import("./mcp-write.ts"),
  "resolve-1000": () => import("./resolve-1000.ts"),
  "client-open": () => import("./client-open.ts"),
  "client-query": () => import("./client-query.ts"),
};

const USAGE = `npm run bench [-- --only NAME]…
Prints a JSON line per measurement. Names: ${Object.keys(BENCHMARKS).join(", ")}.`;

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, help: { type: "boolean", short: "h" } },
});
const names = values.only ?? Object.keys(BENCHMARKS);
const unknown = names.filter((name) => !(name in BENCHMARKS));
if (values.help === true) {
  console.log(USAGE);
} else if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}.\n${USAGE}`);
  process.exitCode = 1;
} else {
  for (const name of names) {
    const benchmark = await BENCHMARKS[name]?.();
    for (const measurement of (await benchmark?.run()) ?? []) console.log(JSON.stringify(measurement));
  }
}
