import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { type BenchSystem, startBenchSystem } from "./bench-system.ts";
import { Http2Connection } from "./http2-connection.ts";
import { type Measurement, percentile, rounded } from "./measurement.ts";

const WARM_UPS = 100;
const CHANGES = 500;
const PAUSE_MS = 10;
/** Records that the neighbour has pushed when the measurement begins: nobody's code is cold then. */
const NOISY_BEFORE = 20_000;

/**
 * One change from device to device of a quiet household, each on a connection of its own (node:http2), while a device of
 * another household pushes 1,000 records at a time as fast as it may: p99 in milliseconds. Baseline: the same before the
 * other one begins.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  const quiet = await system.household();
  await using phoneConnection = new Http2Connection(system.urls["sync-coordinator"]);
  await using panelConnection = new Http2Connection(system.urls["sync-coordinator"]);
  await using phone = new BenchDevice(phoneConnection, quiet.token, "phone");
  await using panel = new BenchDevice(panelConnection, quiet.token, "panel");
  await phone.hello();
  await panel.hello();
  await Promise.all([phone.upToDate(0), panel.upToDate(0)]);

  await propagate(phone, panel, { count: WARM_UPS, firstSequence: 1 });
  const alone = await propagate(phone, panel, { count: CHANGES, firstSequence: WARM_UPS + 1 });
  const neighbour = await startNeighbour(system);
  const pushedBefore = neighbour.pushed;
  const began = performance.now();
  const beside = await propagate(phone, panel, { count: CHANGES, firstSequence: WARM_UPS + CHANGES + 1 });
  const neighbourRate = ((neighbour.pushed - pushedBefore) * 1_000) / (performance.now() - began);
  await neighbour.stop();

  const value = percentile(beside, 0.99);
  const baseline = percentile(alone, 0.99);
  return [
    {
      name: "noisy-neighbour",
      value: rounded(value),
      unit: "ms",
      baseline: rounded(baseline),
      ratio: rounded(baseline / value),
      p50: rounded(percentile(beside, 0.5)),
      p99: rounded(value),
      growth: rounded(value / baseline),
      detail: { p50Alone: rounded(percentile(alone, 0.5)), neighbourRecordsPerSecond: rounded(neighbourRate) },
    },
  ];
}

/** Milliseconds from each push of the one to its frame at the other, one after another. */
async function propagate(
  phone: BenchDevice,
  panel: BenchDevice,
  { count, firstSequence }: { readonly count: number; readonly firstSequence: number },
): Promise<number[]> {
  const latencies: number[] = [];
  for (const change of creates(count, phone.id, firstSequence)) {
    const arrived = new Promise<number>((resolve) => {
      panel.onRecords = resolve;
    });
    const began = performance.now();
    const answered = phone.push([change]);
    latencies.push((await arrived) - began);
    await answered;
    await sleep(PAUSE_MS);
  }
  return latencies;
}

/** In a process of its own, so that the quiet household's devices here are not kept waiting by it. */
async function startNeighbour(system: BenchSystem) {
  const { token } = await system.household();
  const program = new URL("./noisy-device-process.ts", import.meta.url);
  const child = fork(program, [system.urls["sync-coordinator"], token]);
  const neighbour = {
    pushed: 0,
    async stop() {
      child.disconnect();
      await once(child, "exit");
    },
  };
  child.on("message", (pushed) => {
    neighbour.pushed = Number(pushed);
  });
  while (neighbour.pushed < NOISY_BEFORE) await sleep(PAUSE_MS);
  return neighbour;
}
