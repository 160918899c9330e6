import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@funkygibbon/client/client";
import type { EntityView } from "@funkygibbon/client/graph-view";
import { openNodeClient } from "@funkygibbon/client/node-client";
import { HOME_RECORDS, writeLargeHome } from "./client-home.ts";
import { durationsMs } from "./durations.ts";
import { type Measurement, median, percentile, rounded } from "./measurement.ts";
import { SeededRandom } from "./seeded-random.ts";

const CALLS = 100;

interface Chance {
  room(): EntityView;
  device(): EntityView;
}

/** What apps ask of the local graph; every answer is checked to be one. */
const QUESTIONS: Readonly<Record<string, (client: Client, chance: Chance) => boolean>> = {
  "client-get": ({ graph }, { device }) => graph.entity(device().id) !== undefined,
  "client-find-room": ({ graph }, { room }) => graph.find({ room: room().id, type: "device" }).length > 0,
  "client-neighbours": ({ graph }, { device }) => graph.neighbours(device().id).length === 1,
  "client-path": ({ graph }, { room, device }) => graph.path(device().id, room().id) !== null,
  "client-search-name": ({ graph }, { device }) => graph.search(device().name).length > 0,
  "client-search-prefix": ({ graph }, { device }) => graph.search(device().name.slice(0, 7)).length > 0,
  "client-search-substring": ({ graph }) => graph.search("ving roo").length > 0,
  "client-search-typo": ({ graph }, { room }) => graph.search(room().name.replace("Room", "Rom")).length > 0,
  "client-search-content": ({ graph }) => graph.search("netherlands hue").length > 0,
  "client-search-half-the-home": ({ graph }) => graph.search("lamp").length > 0,
};

/**
 * Questions to a local graph of 50,000 records, per call, after the first one of each kind (see `first`: the first search
 * of all reads the home). Baseline: going through all its entities once.
 */
export async function run(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-client-"));
  try {
    const file = join(folder, "home.db");
    await writeLargeHome(file);
    await using client = await openNodeClient({ url: "http://127.0.0.1:1", token: () => "none", file });
    const random = new SeededRandom(7);
    const [rooms, devices] = [client.graph.rooms(), client.graph.find({ type: "device" })];
    const chance: Chance = {
      room: () => random.pick(rooms),
      device: () => random.pick(devices),
    };
    const scan = () => answered(client.graph.find({ where: ({ name }) => name === "" }).length === 0);
    const baseline = median(await durationsMs(9, scan));
    const measurements: Measurement[] = [];
    for (const [name, ask] of Object.entries(QUESTIONS)) {
      const [first = 0, ...times] = await durationsMs(1 + CALLS, () => answered(ask(client, chance)));
      const value = median(times);
      measurements.push({
        name,
        value: rounded(value),
        unit: "ms",
        baseline: rounded(baseline),
        ratio: rounded(baseline / value),
        p50: rounded(value),
        p99: rounded(percentile(times, 0.99)),
        detail: { records: HOME_RECORDS, first: rounded(first) },
      });
    }
    return measurements;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function answered(isAnswer: boolean): void {
  if (!isAnswer) throw new Error("the graph gave no answer");
}
