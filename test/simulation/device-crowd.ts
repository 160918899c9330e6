import { type DeviceId, parseUserId, type UserId } from "@funkygibbon/kernel/ids";
import { must } from "@funkygibbon/kernel/must";
import { DeviceDisk } from "./device-disk.ts";
import type { Journal } from "./journal.ts";
import type { Sabotage } from "./sabotage.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { SimulatedDevice } from "./simulated-device.ts";
import type { Hop } from "./simulated-process.ts";
import type { SimulatedServers } from "./simulated-servers.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** More installations than this make a schedule slow and add nothing. */
const MAX_DEVICES = 7;

/** What the devices live with. */
export interface DeviceCrowdOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly journal: Journal;
  readonly sabotage: Sabotage;
  readonly servers: SimulatedServers;
}

/** The devices of the household, and what can happen to one. */
export class DeviceCrowd {
  readonly devices: SimulatedDevice[] = [];
  readonly #options: DeviceCrowdOptions;
  #installations = 0;

  /** @param clocks how far the clock of each is off, in hours. */
  constructor(options: DeviceCrowdOptions, clocks: readonly number[]) {
    this.#options = options;
    for (const [index, hours] of clocks.entries()) {
      const device = this.#add(`device-${index}` as DeviceId, parseUserId(`user-${index % 2}`), new DeviceDisk());
      device.clockErrorMs = hours * 3_600_000;
    }
  }

  /** A device, by its number. */
  device(who: number): SimulatedDevice {
    return must(this.devices[who % this.devices.length], "there are devices");
  }

  /** Its network is gone for a while. */
  cutOff(device: SimulatedDevice, ms: number): void {
    device.isCutOff = true;
    device.cut();
    this.#options.time.after(ms, () => {
      device.isCutOff = false;
    });
  }

  /** Its disk is copied to another device, which starts at once. */
  clone(original: SimulatedDevice): Promise<void> {
    if (this.devices.length >= MAX_DEVICES) return Promise.resolve();
    return this.#goOnAs(original, original.disk.copy());
  }

  /** From now on it counts as another installation: what it had done since its backup is gone with the disk. */
  rollBack(old: SimulatedDevice): Promise<void> {
    old.rollBack();
    return this.#goOnAs(old, old.disk, this.devices.indexOf(old));
  }

  /** Another installation that takes itself for this one. */
  async #goOnAs(original: SimulatedDevice, disk: DeviceDisk, place?: number): Promise<void> {
    const { deviceId, token, installation } = original.options;
    if (original.disk.hasPendingEdits) this.#options.journal.copied.add(installation);
    const device = this.#add(deviceId, token as UserId, disk, place);
    device.clockErrorMs = original.clockErrorMs;
    await device.boot();
    device.client?.connect();
  }

  #add(deviceId: DeviceId, user: UserId, disk: DeviceDisk, place = this.devices.length): SimulatedDevice {
    this.#installations += 1;
    const { time, journal, sabotage, servers } = this.#options;
    const installation = this.#installations;
    if (this.devices.some((device) => device.options.deviceId === deviceId)) journal.sharedNames.add(deviceId);
    const random = this.#options.random.stream(`installation ${installation}`);
    const device = new SimulatedDevice({
      installation,
      deviceId,
      token: user,
      time,
      random,
      hop: mobileHop(random),
      journal,
      disk,
      sabotage,
      findCoordinator: () => (servers.alive.length === 0 ? undefined : random.pick(servers.alive)),
    });
    this.devices[place] = device;
    return device;
  }
}

/** Phones are further away. */
function mobileHop(random: SeededRandom): Hop {
  const typicalMs = random.pick([1, 20, 120]);
  return () => random.between(0, random.chance(0.05) ? typicalMs * 20 : typicalMs);
}
