import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { BareServer } from "./bare-server.ts";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { startBenchSystem } from "./bench-system.ts";
import { Http2Connection } from "./http2-connection.ts";
import { type Measurement, median, percentile, rounded } from "./measurement.ts";

const DEVICES = 500;
const WARM_UPS = 20;
const CHANGES = 60;
/** Hellos at a time. */
const ABREAST = 20;
/** Long enough for the log to settle and all devices to be told so: the next change meets a system at rest. */
const PAUSE_MS = 200;
/** About what a frame with one record takes. */
const FRAME_BYTES = 700;

/**
 * One change to 500 connected devices of one household, each on a connection of its own (node:http2): milliseconds from
 * the push until the last of them has it. Baseline: a bare HTTP/2 server that is sent as many bytes by one and writes
 * them to 500 others.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  const { token } = await system.household();
  await using opened = new AsyncDisposableStack();
  const open = async (id: string) => {
    const connection = opened.use(new Http2Connection(system.urls["sync-coordinator"]));
    const device = opened.use(new BenchDevice(connection, token, id));
    await device.hello();
    await device.upToDate(0);
    return device;
  };
  const phone = await open("phone");
  const others: BenchDevice[] = [];
  while (others.length < DEVICES) {
    const next = Array.from({ length: ABREAST }, (_, index) => open(`panel-${others.length + index}`));
    others.push(...(await Promise.all(next)));
  }

  const changes = creates(WARM_UPS + CHANGES, "phone", 1);
  const lasts: number[] = [];
  const firsts: number[] = [];
  for (const [index, change] of changes.entries()) {
    const began = performance.now();
    const arrivals = others.map(
      (device) =>
        new Promise<number>((resolve) => {
          device.onRecords = resolve;
        }),
    );
    const answered = phone.push([change]);
    const latencies = (await Promise.all(arrivals)).map((receivedMs) => receivedMs - began);
    await answered;
    await sleep(PAUSE_MS);
    if (index < WARM_UPS) continue;
    lasts.push(Math.max(...latencies));
    firsts.push(Math.min(...latencies));
  }
  const missing = others.filter(({ records }) => records !== changes.length).length;
  if (missing > 0) throw new Error(`${missing} devices do not have all changes`);

  const value = median(lasts);
  const baseline = median(await bareFanOut());
  return [
    {
      name: "fanout-500",
      value: rounded(value),
      unit: "ms",
      baseline: rounded(baseline),
      ratio: rounded(baseline / value),
      p50: rounded(value),
      p99: rounded(percentile(lasts, 0.99)),
      detail: { max: rounded(Math.max(...lasts)), first: rounded(median(firsts)) },
    },
  ];
}

/** Milliseconds until the last has it, of each message. */
async function bareFanOut(): Promise<number[]> {
  await using server = await BareServer.start();
  await using opened = new AsyncDisposableStack();
  const streams: ClientHttp2Stream[] = [];
  while (streams.length <= DEVICES) {
    const stream = opened.use(new Http2Connection(server.url)).open("");
    await once(stream, "response");
    streams.push(stream);
  }
  const [sender, ...receivers] = streams;
  sender?.on("data", () => {});
  const message = Buffer.alloc(FRAME_BYTES);
  const lasts: number[] = [];
  for (let index = 0; index < WARM_UPS + CHANGES; index += 1) {
    const arrivals = receivers.map((stream) => once(stream, "data"));
    const began = performance.now();
    sender?.write(message);
    await Promise.all(arrivals);
    if (index >= WARM_UPS) lasts.push(performance.now() - began);
    await sleep(20);
  }
  return lasts;
}
