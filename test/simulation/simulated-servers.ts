import { unauthenticated } from "@funkygibbon/kernel/errors";
import type { Identity } from "@funkygibbon/kernel/identity";
import { parseUserId } from "@funkygibbon/kernel/ids";
import { type Journal, SERVER_SKEW_US } from "./journal.ts";
import type { Sabotage } from "./sabotage.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { SimulatedBus } from "./simulated-bus.ts";
import { SimulatedCoordinator } from "./simulated-coordinator.ts";
import { type Hop, lanHop } from "./simulated-process.ts";
import { SimulatedRedis } from "./simulated-redis.ts";
import { HOUSEHOLD, SimulatedStore } from "./simulated-store.ts";
import type { VirtualTime } from "./virtual-time.ts";

const REPLICAS = 2;

/** What the servers work with. */
export interface SimulatedServersOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly journal: Journal;
  readonly sabotage: Sabotage;
}

/** The backend of one household: a store, two coordinators, Redis, a bus, and the network between them. */
export class SimulatedServers {
  readonly store: SimulatedStore;
  readonly redis: SimulatedRedis;
  readonly bus: SimulatedBus;
  /** How long messages between them take. */
  readonly hop: Hop;
  readonly #options: SimulatedServersOptions;
  readonly #coordinators: SimulatedCoordinator[] = [];
  #starts = 0;

  constructor(options: SimulatedServersOptions) {
    const { time, random, journal, sabotage } = options;
    this.#options = options;
    const network = random.stream("network");
    this.hop = lanHop(network);
    const bad = network.chance(0.5);
    this.redis = new SimulatedRedis(time, random.stream("redis"));
    this.redis.stinginess = bad ? 0.02 : 0;
    this.bus = new SimulatedBus(time, random.stream("bus"), {
      loss: bad ? 0.2 : 0,
      repetition: bad ? 0.1 : 0,
      delay: bad ? 0.2 : 0,
    });
    this.store = new SimulatedStore({
      time,
      random: random.stream("store"),
      hop: this.hop,
      bus: this.bus,
      journal,
      pageLimit: network.pick([1, 3, 1_000]),
      verifyUser: this.#verifyUser,
      sabotage,
    });
    this.startAll();
  }

  /** The coordinators that a load balancer would send a device to. */
  get alive(): readonly SimulatedCoordinator[] {
    return this.#coordinators.filter(({ process }) => process.isAlive);
  }

  /** Starts each coordinator that does not run. */
  startAll(): void {
    for (let replica = 0; replica < REPLICAS; replica += 1) this.#start(replica);
  }

  /** Kills a coordinator, which is back after a while. */
  kill(replica: number, ms: number): void {
    this.#coordinators[replica]?.process.kill();
    this.#options.time.after(ms, () => this.#start(replica));
  }

  killAll(): void {
    for (const coordinator of this.#coordinators) coordinator.process.kill();
  }

  /** Puts a new coordinator in the place of one that drains, and is gone a while after that. */
  drain(replica: number, ms: number): void {
    const coordinator = this.#coordinators[replica];
    if (coordinator?.process.isAlive !== true) return;
    this.#coordinators[replica] = this.#newCoordinator();
    void coordinator.drain().then(() => this.#options.time.after(ms, () => coordinator.process.kill()));
  }

  /** Takes a part out of service for a while. */
  away(part: "redis" | "bus" | "store", ms: number): void {
    this[part].available = false;
    this.#options.time.after(ms, () => {
      this[part].available = true;
    });
  }

  /** The store comes back without its last commits, under a new epoch. */
  restore(lost: number): void {
    this.store.breakStreams();
    this.store.restore(lost);
  }

  /** From now on nothing is wrong with any of them. */
  mend(): void {
    this.startAll();
    for (const part of [this.redis, this.bus, this.store]) part.available = true;
    this.redis.stinginess = 0;
  }

  #start(replica: number): void {
    if (this.#coordinators[replica]?.process.isAlive === true) return;
    this.#coordinators[replica] = this.#newCoordinator();
  }

  #newCoordinator(): SimulatedCoordinator {
    this.#starts += 1;
    const { time, journal } = this.#options;
    const random = this.#options.random.stream(`coordinator ${this.#starts}`);
    return new SimulatedCoordinator({
      time,
      random,
      hop: this.hop,
      store: this.store,
      redis: this.redis,
      bus: this.bus,
      verifyUser: this.#verifyUser,
      clockErrorUs: Math.round(random.between(-SERVER_SKEW_US / 2, SERVER_SKEW_US / 2)),
      onProblem: (text) => journal.problem(text),
    });
  }

  readonly #verifyUser = async (token: string): Promise<Identity> => {
    if (token === "") throw unauthenticated("no token");
    return {
      household: HOUSEHOLD,
      user: parseUserId(token),
      role: "member",
      scopes: [],
      device: undefined,
      expiresAt: this.#options.time.now() + 90_000_000,
      client: undefined,
    };
  };
}
