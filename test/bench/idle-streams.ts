import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { BareServer } from "./bare-server.ts";
import { BenchDevice } from "./bench-device.ts";
import { type BenchSystem, residentKb, startBenchSystem } from "./bench-system.ts";
import { Http2Connection } from "./http2-connection.ts";
import { type Measurement, rounded } from "./measurement.ts";

const HOUSEHOLDS = 1_000;
const DEVICES_EACH = 5;
const STREAMS = HOUSEHOLDS * DEVICES_EACH;
/** Households whose devices say hello at a time. */
const ABREAST = 8;
/** Households that come and go before: the heap of a coordinator that has served nobody yet has its growth before it. */
const WARM_UPS = 200;
/** Longer than V8 takes to give back what it does not need any more, and than a heartbeat of all of them. */
const SETTLE_MS = 25_000;

/**
 * 5,000 idle authenticated streams of 1,000 households, each on a connection of its own (node:http2): KB of resident
 * memory for each, after they have settled, of a coordinator that has served others before. Baseline: as many streams of
 * a bare HTTP/2 server.
 */
export async function run(): Promise<Measurement[]> {
  const { ofServer, growth } = await measureCoordinator();
  const baseline = await measureBareServer();
  return [
    {
      name: "idle-streams",
      value: rounded(ofServer),
      unit: "KB",
      baseline: rounded(baseline),
      ratio: rounded(baseline / ofServer),
      detail: growth,
    },
  ];
}

async function measureCoordinator() {
  await using system = await startBenchSystem();
  const pid = system.pids["sync-coordinator"];
  const freshKb = residentKb(pid);
  {
    await using warmUps = new AsyncDisposableStack();
    await openHouseholds(WARM_UPS, system, warmUps);
  }
  await sleep(1_000);
  const beforeKb = residentKb(pid);
  await using opened = new AsyncDisposableStack();
  const began = performance.now();
  await openHouseholds(HOUSEHOLDS, system, opened);
  const seconds = (performance.now() - began) / 1_000;
  const openedKb = residentKb(pid);
  await sleep(SETTLE_MS);
  const settledKb = residentKb(pid);
  return {
    ofServer: (settledKb - beforeKb) / STREAMS,
    growth: {
      freshMb: rounded(freshKb / 1_024),
      beforeMb: rounded(beforeKb / 1_024),
      openedMb: rounded(openedKb / 1_024),
      settledMb: rounded(settledKb / 1_024),
      hellosPerSecond: rounded(STREAMS / seconds),
    },
  };
}

async function openHouseholds(count: number, system: BenchSystem, opened: AsyncDisposableStack): Promise<void> {
  for (let done = 0; done < count; done += ABREAST) {
    const next = Array.from({ length: Math.min(ABREAST, count - done) }, () => openHousehold(system, opened));
    await Promise.all(next);
  }
}

async function openHousehold(system: BenchSystem, opened: AsyncDisposableStack): Promise<void> {
  const { token } = await system.household();
  const devices = Array.from({ length: DEVICES_EACH }, async (_, index) => {
    const connection = opened.use(new Http2Connection(system.urls["sync-coordinator"]));
    const device = new BenchDevice(connection, token, `device-${index}`);
    await device.hello();
    await device.upToDate(0);
  });
  await Promise.all(devices);
}

async function measureBareServer(): Promise<number> {
  await using server = await BareServer.start();
  await using opened = new AsyncDisposableStack();
  const open = async () => {
    const stream = opened.use(new Http2Connection(server.url)).open("");
    await once(stream, "response");
  };
  await open();
  const beforeKb = residentKb(server.pid);
  for (let count = 0; count < STREAMS; count += DEVICES_EACH * ABREAST) {
    await Promise.all(Array.from({ length: DEVICES_EACH * ABREAST }, open));
  }
  await sleep(SETTLE_MS / 5);
  return (residentKb(server.pid) - beforeKb) / STREAMS;
}
