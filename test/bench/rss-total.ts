import { setTimeout as sleep } from "node:timers/promises";
import { BareServer } from "./bare-server.ts";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { residentKb, startBenchSystem } from "./bench-system.ts";
import { Http2Connection } from "./http2-connection.ts";
import { type Measurement, rounded } from "./measurement.ts";

const HOUSEHOLDS = 20;
const DEVICES_EACH = 5;
const RECORDS = 10_000;
const BATCH = 1_000;
/** What was needed to push is given back by then, as far as it is. */
const SETTLE_MS = 10_000;

/**
 * All four services, fresh, with 100 connected devices on connections of their own (node:http2), after one of them has
 * pushed 10,000 records: MB of resident memory in total. Baseline: as many processes of Node with a bare HTTP/2 server.
 */
export async function run(): Promise<Measurement[]> {
  await using system = await startBenchSystem();
  await using opened = new AsyncDisposableStack();
  const devices: BenchDevice[] = [];
  for (let count = 0; count < HOUSEHOLDS; count += 1) {
    const { token } = await system.household();
    for (let index = 0; index < DEVICES_EACH; index += 1) {
      const connection = opened.use(new Http2Connection(system.urls["sync-coordinator"]));
      const device = opened.use(new BenchDevice(connection, token, `device-${index}`));
      await device.hello();
      await device.upToDate(0);
      devices.push(device);
    }
  }
  const [phone, panel] = devices;
  const changes = creates(RECORDS, "device-0", 1);
  const underWay: (Promise<void> | undefined)[] = [];
  for (let start = 0; start < RECORDS; start += BATCH) {
    if (underWay.length === 2) await underWay.shift();
    underWay.push(phone?.push(changes.slice(start, start + BATCH)));
  }
  await Promise.all(underWay);
  await panel?.upToDate(RECORDS);
  if (panel?.records !== RECORDS) throw new Error(`${panel?.records} records came, not ${RECORDS}`);
  await system.settled();
  const kb = () => Object.values(system.pids).map(residentKb);
  const rightAfter = sum(kb());
  await sleep(SETTLE_MS);

  const value = sum(kb()) / 1_024;
  await using bare = await BareServer.start();
  await sleep(1_000);
  const baseline = (Object.keys(system.pids).length * residentKb(bare.pid)) / 1_024;
  const each = Object.entries(system.pids).map(([name, pid]) => [name, rounded(residentKb(pid) / 1_024)]);
  return [
    {
      name: "rss-total",
      value: rounded(value),
      unit: "MB",
      baseline: rounded(baseline),
      ratio: rounded(baseline / value),
      detail: { ...Object.fromEntries(each), rightAfterPush: rounded(rightAfter / 1_024) },
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
