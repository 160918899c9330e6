import { setTimeout as sleep } from "node:timers/promises";
import type { CrowdDevice } from "../crowd-device.ts";
import type { Fault } from "../fault.ts";

/** A device's disk is copied while it is in use, and both go on under one name. */
export const deviceCloned: Fault = {
  summary: "a device and its clone under one id",
  clones: true,
  async play({ crowd, size, random, complain }) {
    let original = crowd.devices[0];
    for (let round = 0; round < size.rounds && original !== undefined; round += 1) {
      const twin = original;
      await crowd.live(() => crowd.untilAnswered(random.between(1, size.answers)));
      const clone = await crowd.open(`${twin.name}-clone`, "grpc", await twin.store.copy());
      clone.client.connect();
      const stop = new AbortController();
      const users = [twin, clone].map((device) => comeBack(device, stop.signal));
      await crowd.live(() => crowd.untilAnswered(size.answers * 3));
      await crowd.settle();
      stop.abort();
      await Promise.all(users);
      if (twin.client.deviceId === clone.client.deviceId) complain(`${twin.name} and its clone still share an id`);
      original = clone;
    }
    return undefined;
  },
};

/** A device is lost, and its user goes on with one that was set up from its backup, in which edits wait that it has sent since. */
export const deviceRestored: Fault = {
  summary: "a device restored from its own old backup",
  clones: true,
  async play({ crowd, size, random }) {
    const [lost] = crowd.devices;
    if (lost === undefined) throw new Error("there is no device to lose");
    await crowd.live(() => crowd.untilAnswered(random.between(1, size.answers)));
    await lost.client.disconnect();
    for (const { id } of lost.client.graph.find().slice(0, 3)) await lost.update(id);
    const backup = await lost.store.copy();
    lost.client.connect();
    await crowd.live(() => crowd.untilAnswered(size.answers));
    for (const { id } of lost.client.graph.find().slice(0, 3)) await lost.update(id);
    await crowd.settle();
    await crowd.lose(lost);
    await crowd.open(`${lost.name}-restored`, "grpc", backup);
    // Before its user goes on: what waits would be squashed into a new edit of the same record, and be of its time.
    await crowd.settle();
    await crowd.live(() => crowd.untilAnswered(size.answers));
    return undefined;
  },
};

/** Whoever is superseded never comes back by itself; a user who takes the device up again makes it. */
async function comeBack({ client }: CrowdDevice, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    if (client.state.phase === "stopped") client.connect();
    await sleep(100);
  }
}
