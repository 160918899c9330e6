import { unauthenticated } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import { type DeviceId, parseUserId, type UserId } from "@funkygibbon/kernel/ids";
import { assertNever, must } from "@funkygibbon/kernel/must";
import { comeToRest } from "./come-to-rest.ts";
import { DeviceDisk } from "./device-disk.ts";
import { EditSteps } from "./edit-steps.ts";
import { Journal, SERVER_SKEW_US } from "./journal.ts";
import type { Sabotage } from "./sabotage.ts";
import type { Schedule, Step, StepOf } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedBus } from "./simulated-bus.ts";
import { SimulatedCoordinator } from "./simulated-coordinator.ts";
import { SimulatedDevice } from "./simulated-device.ts";
import { type Hop, lanHop } from "./simulated-process.ts";
import { SimulatedRedis } from "./simulated-redis.ts";
import { HOUSEHOLD, SimulatedStore } from "./simulated-store.ts";
import { VirtualTime } from "./virtual-time.ts";

const DAY_MS = 86_400_000;
const REPLICAS = 2;
/** More installations than this make a schedule slow and add nothing. */
const MAX_DEVICES = 7;

/** How a schedule is played. */
export interface PlayOptions {
  /** Whether the journal is to tell what happened. */
  readonly isTold?: boolean;
  /** What is broken on purpose. */
  readonly sabotage?: Sabotage;
}

/** Plays a schedule from its beginning until everybody has come back and nothing moves any more. */
export async function simulate(schedule: Schedule, options: PlayOptions = {}): Promise<Simulation> {
  const time = new VirtualTime();
  using _installed = time.install(new SeededRandom(schedule.seed).stream("dice").next);
  const simulation = new Simulation(schedule, time, options);
  try {
    await simulation.play();
  } catch (error) {
    simulation.journal.problem(`the simulation failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
  simulation.end();
  return simulation;
}

/** A whole system: a store, two coordinators, a few devices, and everything that may go wrong between them. */
export class Simulation {
  readonly journal: Journal;
  readonly time: VirtualTime;
  readonly store: SimulatedStore;
  readonly devices: SimulatedDevice[] = [];
  readonly #schedule: Schedule;
  readonly #sabotage: Sabotage;
  readonly #random: SeededRandom;
  readonly #redis: SimulatedRedis;
  readonly #bus: SimulatedBus;
  readonly #hop: Hop;
  readonly #coordinators: SimulatedCoordinator[] = [];
  readonly #edits: EditSteps;

  constructor(schedule: Schedule, time: VirtualTime, { isTold = false, sabotage = {} }: PlayOptions) {
    const { seed, clocks } = schedule;
    this.journal = new Journal(isTold);
    this.#schedule = schedule;
    this.#sabotage = sabotage;
    this.time = time;
    this.#random = new SeededRandom(seed);
    const network = this.#random.stream("network");
    this.#hop = lanHop(network);
    const bad = network.chance(0.5);
    this.#redis = new SimulatedRedis(this.time, this.#random.stream("redis"));
    this.#redis.stinginess = bad ? 0.02 : 0;
    this.#bus = new SimulatedBus(this.time, this.#random.stream("bus"), {
      loss: bad ? 0.2 : 0,
      repetition: bad ? 0.1 : 0,
      delay: bad ? 0.2 : 0,
    });
    this.store = new SimulatedStore({
      time: this.time,
      random: this.#random.stream("store"),
      hop: this.#hop,
      bus: this.#bus,
      journal: this.journal,
      pageLimit: network.pick([1, 3, 1_000]),
      verifyUser: this.#verifyUser,
      sabotage,
    });
    this.#edits = new EditSteps(this.store, this.time);
    for (let replica = 0; replica < REPLICAS; replica += 1) this.#startCoordinator(replica);
    for (const [index, hours] of clocks.entries()) {
      const device = this.#newDevice(`device-${index}` as DeviceId, parseUserId(`user-${index % 2}`), new DeviceDisk());
      device.clockErrorMs = hours * 3_600_000;
    }
  }

  /** Everything that the schedule says; then the faults end and everybody comes back. */
  async play(): Promise<void> {
    this.#edits.furnish();
    const pauses = this.#random.stream("pauses");
    for (const device of this.devices) await device.boot();
    for (const device of this.devices) if (pauses.chance(0.7)) device.client?.connect();
    for (const step of this.#schedule.steps) {
      await this.time.pass(pauses.chance(0.5) ? 0 : pauses.between(0, 150));
      this.#note(step);
      await this.#take(step);
    }
    await this.#comeToRest();
  }

  /** Nothing of it runs any more. */
  end(): void {
    for (const device of this.devices) device.crash();
    for (const coordinator of this.#coordinators) coordinator.process.kill();
  }

  async #take(step: Step): Promise<void> {
    switch (step.do) {
      case "create":
      case "import":
      case "update":
      case "delete":
      case "relate":
      case "move":
        // An edit takes as long as its disk does; nobody waits for that.
        this.#edits.make(this.#device(step.who), step).catch((error: unknown) => {
          this.journal.problem(`an edit failed: ${String(error)}`);
        });
        return;
      case "connect":
        return this.#device(step.who).client?.connect();
      case "disconnect":
        void this.#device(step.who).client?.disconnect();
        return;
      case "cut":
        return this.#device(step.who).cut();
      case "crash":
        return this.#device(step.who).crash();
      case "boot": {
        const device = this.#device(step.who);
        await device.boot();
        return device.client?.connect();
      }
      case "die-at-write":
        return this.#device(step.who).dieAtWrite(step.writes, step.after);
      case "cut-off":
        return this.#cutOff(this.#device(step.who), step.ms);
      case "set-clock":
        this.#device(step.who).clockErrorMs = step.hours * 3_600_000;
        return;
      case "back-up": {
        const device = this.#device(step.who);
        device.backup = device.disk.copy();
        return;
      }
      case "clone":
        return this.#clone(this.#device(step.who));
      case "roll-back":
        return this.#rollBack(step.who);
      case "api-update":
      case "api-delete":
      case "api-restore":
        return this.#edits.throughTheApi(step);
      case "kill-coordinator":
        return this.#killCoordinator(step);
      case "drain-coordinator":
        return this.#drainCoordinator(step);
      case "break-commits":
        return this.store.breakStreams();
      case "wipe-redis":
        return this.#redis.wipe();
      case "redis-away":
        return this.#away(this.#redis, step.ms);
      case "bus-away":
        return this.#away(this.#bus, step.ms);
      case "database-away":
        return this.#away(this.store, step.ms);
      case "wait":
        return this.time.pass(step.ms);
      case "night":
        return this.#night(step.hours);
      case "restore":
      case "failover":
        return this.#restore(step);
      default:
        assertNever(step, "step");
    }
  }

  #cutOff(device: SimulatedDevice, ms: number): void {
    device.isCutOff = true;
    device.cut();
    this.time.after(ms, () => {
      device.isCutOff = false;
    });
  }

  async #clone(original: SimulatedDevice): Promise<void> {
    if (this.devices.length >= MAX_DEVICES) return;
    const { deviceId, token, installation } = original.options;
    if (original.disk.hasPendingEdits) this.journal.copied.add(installation);
    const clone = this.#newDevice(deviceId, token as UserId, original.disk.copy());
    clone.clockErrorMs = original.clockErrorMs;
    await clone.boot();
    clone.client?.connect();
  }

  /** From now on it counts as another installation: what it had done since its backup is gone with the disk. */
  async #rollBack(who: number): Promise<void> {
    const index = who % this.devices.length;
    const old = must(this.devices[index], "there are devices");
    old.rollBack();
    const { deviceId, token, installation } = old.options;
    if (old.disk.hasPendingEdits) this.journal.copied.add(installation);
    const reborn = this.#newDevice(deviceId, token as UserId, old.disk, index);
    reborn.clockErrorMs = old.clockErrorMs;
    await reborn.boot();
    reborn.client?.connect();
  }

  #killCoordinator({ replica, ms }: StepOf<"kill-coordinator">): void {
    this.#coordinators[replica]?.process.kill();
    this.time.after(ms, () => this.#startCoordinator(replica));
  }

  #drainCoordinator({ replica, ms }: StepOf<"drain-coordinator">): void {
    const coordinator = this.#coordinators[replica];
    if (coordinator?.process.isAlive !== true) return;
    this.#coordinators[replica] = this.#newCoordinator();
    void coordinator.drain().then(() => this.time.after(ms, () => coordinator.process.kill()));
  }

  #away(part: { available: boolean }, ms: number): void {
    part.available = false;
    this.time.after(ms, () => {
      part.available = true;
    });
  }

  /** Everything is off for hours or days. */
  async #night(hours: number): Promise<void> {
    for (const device of this.devices) device.crash();
    for (const coordinator of this.#coordinators) coordinator.process.kill();
    this.time.skip((hours * DAY_MS) / 24);
    for (let replica = 0; replica < REPLICAS; replica += 1) this.#startCoordinator(replica);
    for (const device of this.devices) {
      await device.boot();
      device.client?.connect();
    }
  }

  #restore({ lost }: StepOf<"restore" | "failover">): void {
    this.store.breakStreams();
    this.store.restore(lost);
  }

  /** All faults end, everybody comes back, and in the end nothing moves any more. */
  async #comeToRest(): Promise<void> {
    for (let replica = 0; replica < REPLICAS; replica += 1) this.#startCoordinator(replica);
    for (const part of [this.#redis, this.#bus, this.store]) part.available = true;
    this.#redis.stinginess = 0;
    await comeToRest(this);
  }

  #newDevice(deviceId: DeviceId, user: UserId, disk: DeviceDisk, place = this.devices.length): SimulatedDevice {
    this.#installations += 1;
    const installation = this.#installations;
    if (this.devices.some((device) => device.options.deviceId === deviceId)) this.journal.sharedNames.add(deviceId);
    const random = this.#random.stream(`installation ${installation}`);
    const device = new SimulatedDevice({
      installation,
      deviceId,
      token: user,
      time: this.time,
      random,
      hop: mobileHop(random),
      journal: this.journal,
      disk,
      sabotage: this.#sabotage,
      findCoordinator: () => {
        const alive = this.#coordinators.filter(({ process }) => process.isAlive);
        return alive.length === 0 ? undefined : random.pick(alive);
      },
    });
    this.devices[place] = device;
    return device;
  }
  #installations = 0;

  #startCoordinator(replica: number): void {
    if (this.#coordinators[replica]?.process.isAlive === true) return;
    this.#coordinators[replica] = this.#newCoordinator();
  }

  #newCoordinator(): SimulatedCoordinator {
    this.#starts += 1;
    const random = this.#random.stream(`coordinator ${this.#starts}`);
    return new SimulatedCoordinator({
      time: this.time,
      random,
      hop: this.#hop,
      store: this.store,
      redis: this.#redis,
      bus: this.#bus,
      verifyUser: this.#verifyUser,
      clockErrorUs: Math.round(random.between(-SERVER_SKEW_US / 2, SERVER_SKEW_US / 2)),
      onProblem: (text) => this.journal.problem(text),
    });
  }
  #starts = 0;

  readonly #verifyUser = async (token: string): Promise<Identity> => {
    if (token === "") throw unauthenticated("no token");
    return {
      household: HOUSEHOLD,
      user: parseUserId(token),
      role: "member",
      scopes: [],
      device: undefined,
      expiresAt: this.time.now() + 90_000_000,
      client: undefined,
    };
  };

  #device(who: number): SimulatedDevice {
    return must(this.devices[who % this.devices.length], "there are devices");
  }

  #note({ do: name, ...fields }: Step): void {
    this.journal.note(() => `${this.time.clockText} ${name} ${JSON.stringify(fields)}`);
  }
}

/** Phones are further away. */
function mobileHop(random: SeededRandom): Hop {
  const typicalMs = random.pick([1, 20, 120]);
  return () => random.between(0, random.chance(0.05) ? typicalMs * 20 : typicalMs);
}
