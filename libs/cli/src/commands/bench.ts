import { performance } from "node:perf_hooks";
import { must } from "@funkygibbon/kernel/must";
import type { CommandSpec } from "../command.ts";
import { table } from "../present/table.ts";

/** One measurement, in milliseconds. */
interface Measurement {
  readonly what: string;
  readonly runs: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
}

/** `gibbon bench`. */
export const benchCommand: CommandSpec = {
  name: "bench",
  summary: "measure this machine, the way to the server, and the server",
  details: "Reads only, unless --write is given: then a note is created, edited as often as asked, and deleted.",
  options: [
    { flags: "-r, --runs <count>", help: "how often each is done (default 50)" },
    { flags: "--write", help: "measure edits until the server has them, too" },
  ],
  examples: [{ command: "gibbon bench --write -r 200", says: "edits, too" }],
  answers: "a list of `what`, `runs`, `p50_ms`, `p95_ms`",
  async run(gibbon, input) {
    const runs = input.count("runs", 50);
    const began = performance.now();
    const writes = input.flag("write");
    await using home = await gibbon.openHome({ mustBeLive: writes });
    const openMs = performance.now() - began;
    const { client, freshness } = home;
    const { graph } = client;
    const results: Measurement[] = [summary("open the replica and catch up", [openMs])];
    const measure = async (what: string, work: (run: number) => unknown) => {
      const times: number[] = [];
      for (let run = 0; run < runs; run++) {
        gibbon.signal.throwIfAborted();
        gibbon.terminal.progress(`${what} … ${run}`);
        const start = performance.now();
        await work(run);
        times.push(performance.now() - start);
      }
      results.push(summary(what, times));
    };
    const [first] = graph.find({ type: "device" });
    await measure("search here", () => graph.search(first?.name ?? "lamp"));
    if (freshness.kind === "live") {
      const services = gibbon.services();
      const options = { signal: gibbon.signal };
      const query = first?.name.slice(0, 200) || "lamp";
      await measure("ask the server for its statistics", () => services.graph.getStatistics({}, options));
      await measure("search on the server", () => services.graph.searchEntities({ query }, options));
    }
    if (writes) {
      const id = await client.create({ type: "note", body: { name: "gibbon bench" } });
      try {
        await measure("an edit, until the server has it", async (run) => {
          await client.update(id, { run });
          await client.settled(gibbon.signal);
        });
      } finally {
        await client.remove(id);
        await home.sync();
      }
    }
    return {
      data: results,
      lines: (look) =>
        table(
          results,
          [
            { title: "what", of: ({ what }: Measurement) => what },
            { title: "runs", of: (row: Measurement) => String(row.runs), align: "right" as const, paint: look.dim },
            { title: "median", of: (row: Measurement) => `${row.p50_ms.toFixed(2)} ms`, align: "right" as const },
            { title: "95 %", of: (row: Measurement) => `${row.p95_ms.toFixed(2)} ms`, align: "right" as const },
          ],
          { width: look.width, title: look.bold },
        ),
    };
  },
};

function summary(what: string, times: readonly number[]): Measurement {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    must(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))], "there is a run");
  const rounded = (ms: number) => Math.round(ms * 1_000) / 1_000;
  return { what, runs: times.length, p50_ms: rounded(at(0.5)), p95_ms: rounded(at(0.95)) };
}
