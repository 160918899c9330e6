import { setTimeout as sleep } from "node:timers/promises";
import { newHousehold } from "../../support/constellation-callers.ts";
import { DevicePen, manyEntities } from "../../support/device-pen.ts";
import { WireDevice } from "../../support/wire-device.ts";
import type { CrowdDevice } from "../crowd-device.ts";
import type { Fault, Stage } from "../fault.ts";

const CHANGES_PER_PUSH = 300;
/** Bulk loaders of the neighbour. */
const LOADERS = 2;

/** One household pushes as fast as it is answered; the other edits and watches, and must not notice more than a delay. */
export const neighbourAtFullTilt: Fault = {
  summary: "a household at full tilt beside a quiet one",
  async play(stage) {
    const { crowd, system, size, complain } = stage;
    const [writer, reader] = crowd.devices;
    if (writer === undefined || reader === undefined) throw new Error("a quiet household has at least two devices");
    const idle = await propagation(writer, reader, size.answers);
    const neighbour = await newHousehold(system.constellation.issuer, "neighbour");
    const stop = new AbortController();
    const loaders = Array.from({ length: LOADERS }, (_none, index) =>
      load(stage, neighbour.tokens.owner, index, stop.signal),
    );
    // From the first answer on it is at full tilt.
    await Promise.race(loaders.map(({ begun }) => begun));
    const busy = await propagation(writer, reader, size.answers);
    await crowd.live(() => crowd.untilAnswered(size.answers));
    stop.abort();
    const pushed = (await Promise.all(loaders.map(({ pushed: count }) => count))).reduce(
      (sum, count) => sum + count,
      0,
    );

    const { headSeq } = await system.log(neighbour.id);
    if (headSeq !== pushed)
      complain(`the neighbour's log has ${headSeq} versions of ${pushed} that were answered (I1, I4)`);
    const { faults } = await stage.clients.graph.checkIntegrity({}, { token: neighbour.tokens.owner });
    for (const { message } of faults) complain(`the neighbour: ${message}`);
    return {
      neighbourPushed: pushed,
      idleP50Ms: p(idle, 0.5),
      idleP99Ms: p(idle, 0.99),
      busyP50Ms: p(busy, 0.5),
      busyP99Ms: p(busy, 0.99),
    };
  },
};

/** How long each of some changes takes from one device to the other, in milliseconds. */
async function propagation(writer: CrowdDevice, reader: CrowdDevice, changes: number): Promise<number[]> {
  const id = await writer.client.create({ type: "note", body: { name: "How long does it take?" } });
  const times: number[] = [];
  for (let count = 1; count <= changes; count += 1) {
    const startedMs = performance.now();
    const seen = Promise.withResolvers<void>();
    const forget = reader.client.onChange(({ records }) => {
      const now = records.has(id) ? reader.client.get(id) : undefined;
      if (now?.kind === "entity" && now.body.count === count) seen.resolve();
    });
    await writer.client.update(id, { count });
    await seen.promise;
    forget();
    times.push(performance.now() - startedMs);
    await sleep(5);
  }
  return times;
}

function load({ clients }: Stage, token: string, index: number, stop: AbortSignal) {
  const pen = new DevicePen(`loader-${index}`);
  const begun = Promise.withResolvers<void>();
  const run = async (): Promise<number> => {
    let pushed = 0;
    await using device = WireDevice.open({ sync: clients.sync, token, deviceId: pen.device });
    while (!stop.aborted) {
      const changes = manyEntities(pen, CHANGES_PER_PUSH);
      for (let answered = false; !answered; ) {
        const { refusedReason, retryAfter } = await device.push(changes);
        answered = refusedReason === "";
        if (!answered) await sleep(Number(retryAfter?.seconds ?? 0n) * 1_000 + (retryAfter?.nanos ?? 0) / 1e6);
      }
      pushed += changes.length;
      begun.resolve();
    }
    return pushed;
  };
  const pushed = run();
  pushed.catch((error: unknown) => begun.reject(error));
  return { begun: begun.promise, pushed };
}

function p(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) * 10) / 10;
}
