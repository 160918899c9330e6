import { setTimeout as sleep } from "node:timers/promises";
import { must } from "@funkygibbon/kernel/must";
import { BenchDevice } from "./bench-device.ts";
import { creates } from "./bench-records.ts";
import { Http2Connection } from "./http2-connection.ts";

/**
 * A device that pushes batches of new records, two under way, as fast as they are acknowledged and as its budget allows.
 * Arguments: URL and token. Tells its parent how many records it has pushed so far.
 */
const BATCH = 1_000;
const PUSHED_AT_ONCE = 2;
/** After a refused push. */
const PAUSE_MS = 50;

const url = must(process.argv[2], "the parent names the server");
const token = must(process.argv[3], "the parent gives a token");
process.on("disconnect", () => process.exit());

const device = new BenchDevice(new Http2Connection(url), token, "noisy");
await device.hello();
let sequence = 1;
let pushed = 0;
const pushOn = async () => {
  for (;;) {
    const changes = creates(BATCH, device.id, sequence);
    sequence += BATCH;
    try {
      await device.push(changes);
      pushed += BATCH;
      process.send?.(pushed);
    } catch {
      await sleep(PAUSE_MS);
    }
  }
};
await Promise.all(Array.from({ length: PUSHED_AT_ONCE }, pushOn));
