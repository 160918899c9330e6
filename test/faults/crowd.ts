import { setTimeout as sleep } from "node:timers/promises";
import type { TestHousehold } from "../support/constellation-callers.ts";
import { CrowdDevice, type Habits } from "./crowd-device.ts";
import { Journal } from "./journal.ts";
import type { JournaledStore } from "./journaled-store.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** Who lives in a household, and where its log is. */
export interface CrowdOptions {
  readonly household: TestHousehold;
  /** Where sync-coordinators answer. */
  readonly url: string;
  readonly random: SeededRandom;
  /** The longest pause between two edits of a device, in milliseconds. */
  readonly pauseMs: number;
  /** How long anything that has to happen may take, in milliseconds. */
  readonly patienceMs: number;
  /** Whether waiting devices are told that the network is back, as an operating system would, instead of waiting on. */
  readonly hurries: boolean;
  /** Where the log stands, from the database itself. */
  readonly readLog: (household: string) => Promise<{ readonly epoch: string; readonly headSeq: number }>;
}

/** What devices had when nobody else had it for certain: version by version, with what each replaces. */
export type Holdings = ReadonlyMap<string, readonly string[]>;

/** The devices of one household, all of them edited at random at the same time. */
export class Crowd implements AsyncDisposable {
  readonly journal = new Journal();
  readonly devices: CrowdDevice[] = [];
  readonly lost: CrowdDevice[] = [];
  readonly #options: CrowdOptions;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  get household(): TestHousehold {
    return this.#options.household;
  }

  /** Devices `<name>-<n>`: every third one a browser, used by the household's owner and its member in turn. Connected. */
  async join(count: number, name = "device"): Promise<CrowdDevice[]> {
    const joined: CrowdDevice[] = [];
    for (let index = 0; index < count; index += 1) {
      joined.push(await this.open(`${name}-${this.devices.length}`, index % 3 === 2 ? "web" : "grpc"));
    }
    for (const { client } of joined) client.connect();
    return joined;
  }

  /** One more device, not connected yet. @param store a disk that was used before. */
  async open(name: string, door: "grpc" | "web" = "grpc", store?: JournaledStore): Promise<CrowdDevice> {
    const { url, random } = this.#options;
    const device = await CrowdDevice.open({
      name,
      url,
      token: this.tokenOf(name),
      door,
      journal: this.journal,
      random: random.fork(name),
      ...(store === undefined ? {} : { store }),
    });
    this.devices.push(device);
    return device;
  }

  /** Ends a device for good; what it has written still counts. */
  async lose(device: CrowdDevice): Promise<void> {
    this.devices.splice(this.devices.indexOf(device), 1);
    this.lost.push(device);
    await device[Symbol.asyncDispose]();
  }

  /** The token of whoever uses the device of this name, a clone's name included. */
  tokenOf(device: string): string {
    const { owner, member } = this.household.tokens;
    const number = Number(/-(\d+)/.exec(device)?.[1] ?? 0);
    return number % 2 === 1 ? member : owner;
  }

  /** Everybody (or those who are named) edits for as long as `work` takes. */
  async live<T>(
    work: () => Promise<T>,
    options: { readonly devices?: readonly CrowdDevice[]; readonly contact?: Habits["contact"] } = {},
  ): Promise<T> {
    const stop = new AbortController();
    const { devices = this.devices, contact = "steady" } = options;
    const lives = devices.map((device) => device.live(stop.signal, { pauseMs: this.#options.pauseMs, contact }));
    try {
      return await work();
    } finally {
      stop.abort();
      await Promise.all(lives);
    }
  }

  /** Resolves when this many more edits have been answered. @throws when nobody is answered any more. */
  async untilAnswered(more: number): Promise<void> {
    const wanted = this.journal.answers + more;
    await this.#until(
      () => this.journal.answers >= wanted,
      () => `${wanted - this.journal.answers} of ${more} answers did not come: ${this.#whereabouts()}`,
    );
  }

  /**
   * Connects everybody and waits until all are live at the end of the log with nothing left to say. @returns how long
   * that took, in milliseconds. @throws with where each stands.
   */
  async settle(devices: readonly CrowdDevice[] = this.devices): Promise<number> {
    const startedMs = performance.now();
    for (const { client } of devices) client.connect();
    let log = await this.#options.readLog(this.household.id);
    await this.#until(
      async () => {
        if (!devices.every((device) => isAt(device, log))) {
          log = await this.#options.readLog(this.household.id);
          return false;
        }
        const now = await this.#options.readLog(this.household.id);
        const still = now.epoch === log.epoch && now.headSeq === log.headSeq;
        log = now;
        return still;
      },
      () => `they do not settle at ${log.headSeq} of ${log.epoch}: ${this.#whereabouts()}`,
    );
    return performance.now() - startedMs;
  }

  /** Everything that any device has: pulled heads, and edits that are not dead. */
  async holdings(devices: readonly CrowdDevice[] = this.devices): Promise<Holdings> {
    const held = new Map<string, readonly string[]>();
    for (const { store } of devices) {
      const { records, edits } = await store.load();
      for (const { version, parents } of records) held.set(version, parents);
      for (const { version, parents, state } of edits) {
        if (state.kind !== "dead" && state.kind !== "unsent") held.set(version, parents);
      }
    }
    return held;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.devices.map((device) => device[Symbol.asyncDispose]()));
  }

  async #until(holds: () => boolean | Promise<boolean>, complaint: () => string): Promise<void> {
    const { patienceMs, hurries } = this.#options;
    const deadlineMs = performance.now() + patienceMs;
    for (let round = 1; !(await holds()); round += 1) {
      if (performance.now() > deadlineMs) throw new Error(complaint());
      if (hurries && round % 20 === 0) for (const { client } of this.devices) client.retryNow();
      await sleep(10);
    }
  }

  #whereabouts(): string {
    return this.devices.map(whereabouts).join("; ");
  }
}

function isAt({ client }: CrowdDevice, log: { readonly epoch: string; readonly headSeq: number }): boolean {
  const { phase, pendingEdits, unheldEdits, upToDateSeq, epoch } = client.state;
  return phase === "live" && pendingEdits + unheldEdits === 0 && upToDateSeq === log.headSeq && epoch === log.epoch;
}

function whereabouts({ name, client, store }: CrowdDevice): string {
  const { phase, upToDateSeq, headSeq, epoch, error, pushRefused } = client.state;
  const facts = [`${name} ${phase} at ${upToDateSeq}/${headSeq} of ${epoch}`, store.describeEdits()];
  return [...facts, error?.reason ?? "", pushRefused ?? ""].filter((fact) => fact !== "").join(", ");
}
