import { assertNever } from "@funkygibbon/kernel/must";
import { comeToRest } from "./come-to-rest.ts";
import { DeviceCrowd } from "./device-crowd.ts";
import { EditSteps } from "./edit-steps.ts";
import { Journal } from "./journal.ts";
import type { Sabotage } from "./sabotage.ts";
import type { Schedule, Step } from "./schedule.ts";
import { SeededRandom } from "./seeded-random.ts";
import type { SimulatedDevice } from "./simulated-device.ts";
import { SimulatedServers } from "./simulated-servers.ts";
import type { SimulatedStore } from "./simulated-store.ts";
import { VirtualTime } from "./virtual-time.ts";

const HOUR_MS = 3_600_000;

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

/** A whole system: servers, a few devices, and everything that may go wrong between them. */
export class Simulation {
  readonly journal: Journal;
  readonly time: VirtualTime;
  readonly #schedule: Schedule;
  readonly #random: SeededRandom;
  readonly #servers: SimulatedServers;
  readonly #crowd: DeviceCrowd;
  readonly #edits: EditSteps;

  constructor(schedule: Schedule, time: VirtualTime, { isTold = false, sabotage = {} }: PlayOptions) {
    this.journal = new Journal(isTold);
    this.time = time;
    this.#schedule = schedule;
    this.#random = new SeededRandom(schedule.seed);
    const shared = { time, random: this.#random, journal: this.journal, sabotage };
    this.#servers = new SimulatedServers(shared);
    this.#edits = new EditSteps(this.store, time);
    this.#crowd = new DeviceCrowd({ ...shared, servers: this.#servers }, schedule.clocks);
  }

  get store(): SimulatedStore {
    return this.#servers.store;
  }

  get devices(): readonly SimulatedDevice[] {
    return this.#crowd.devices;
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
    this.#servers.mend();
    await comeToRest(this);
  }

  /** Nothing of it runs any more. */
  end(): void {
    for (const device of this.devices) device.crash();
    this.#servers.killAll();
  }

  async #take(step: Step): Promise<void> {
    const [servers, crowd] = [this.#servers, this.#crowd];
    switch (step.do) {
      case "create":
      case "import":
      case "update":
      case "delete":
      case "relate":
      case "move":
        // An edit takes as long as its disk does; nobody waits for that.
        this.#edits.make(crowd.device(step.who), step).catch((error: unknown) => {
          this.journal.problem(`an edit failed: ${String(error)}`);
        });
        return;
      case "connect":
        return crowd.device(step.who).client?.connect();
      case "disconnect":
        void crowd.device(step.who).client?.disconnect();
        return;
      case "cut":
        return crowd.device(step.who).cut();
      case "crash":
        return crowd.device(step.who).crash();
      case "boot": {
        const device = crowd.device(step.who);
        await device.boot();
        return device.client?.connect();
      }
      case "die-at-write":
        return crowd.device(step.who).dieAtWrite(step.writes, step.after);
      case "cut-off":
        return crowd.cutOff(crowd.device(step.who), step.ms);
      case "set-clock":
        crowd.device(step.who).clockErrorMs = step.hours * HOUR_MS;
        return;
      case "back-up": {
        const device = crowd.device(step.who);
        device.backup = device.disk.copy();
        return;
      }
      case "clone":
        return crowd.clone(crowd.device(step.who));
      case "roll-back":
        return crowd.rollBack(crowd.device(step.who));
      case "api-update":
      case "api-delete":
      case "api-restore":
        return this.#edits.throughTheApi(step);
      case "kill-coordinator":
        return servers.kill(step.replica, step.ms);
      case "drain-coordinator":
        return servers.drain(step.replica, step.ms);
      case "break-commits":
        return servers.store.breakStreams();
      case "wipe-redis":
        return servers.redis.wipe();
      case "redis-away":
        return servers.away("redis", step.ms);
      case "bus-away":
        return servers.away("bus", step.ms);
      case "database-away":
        return servers.away("store", step.ms);
      case "wait":
        return this.time.pass(step.ms);
      case "night":
        return this.#night(step.hours);
      case "restore":
      case "failover":
        return servers.restore(step.lost);
      default:
        assertNever(step, "step");
    }
  }

  /** Everything is off for hours or days. */
  async #night(hours: number): Promise<void> {
    this.end();
    this.time.skip(hours * HOUR_MS);
    this.#servers.startAll();
    for (const device of this.devices) {
      await device.boot();
      device.client?.connect();
    }
  }

  #note({ do: name, ...fields }: Step): void {
    this.journal.note(() => `${this.time.clockText} ${name} ${JSON.stringify(fields)}`);
  }
}
