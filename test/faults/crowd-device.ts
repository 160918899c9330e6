import { setTimeout as sleep } from "node:timers/promises";
import { type Client, openClient } from "@funkygibbon/client/client";
import { nodeSha256 } from "@funkygibbon/client/node-hashes";
import { GrpcTransport } from "@funkygibbon/client/node-transport";
import { WebTransport } from "@funkygibbon/client/web-transport";
import { DomainError } from "@funkygibbon/kernel/errors";
import { DeviceClock } from "./device-clock.ts";
import type { Journal } from "./journal.ts";
import { JournaledStore } from "./journaled-store.ts";
import { journaledTransport } from "./journaled-transport.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What a device of a crowd is made of. */
export interface CrowdDeviceOptions {
  readonly name: string;
  /** Where sync-coordinators answer. */
  readonly url: string;
  readonly token: string;
  /** Native gRPC, or what browsers speak. */
  readonly door: "grpc" | "web";
  readonly journal: Journal;
  readonly random: SeededRandom;
  /** A disk that was used before; default a new one. */
  readonly store?: JournaledStore;
}

/** How a user uses a device. */
export interface Habits {
  /** The longest pause between two edits, in milliseconds. */
  readonly pauseMs: number;
  /** Whether the device is connected all the time, goes offline and comes back now and then, or stays away. */
  readonly contact: "steady" | "flapping" | "none";
}

/** Homes are kept small, so that devices meet at the same records. */
const RECORDS_IN_USE = 24;
/** A user who sees so many edits wait puts the device aside for a while: what is broken here is not the machine. */
const MAX_WAITING_EDITS = 100;

/** A real device (libs/client) with a user who edits at random, and with everything written down that must stay true. */
export class CrowdDevice implements AsyncDisposable {
  readonly name: string;
  readonly door: CrowdDeviceOptions["door"];
  /** The key that no other device ever sets. */
  readonly mark: string;
  readonly client: Client;
  readonly store: JournaledStore;
  readonly clock: DeviceClock;
  /** What the last edit of each record set `mark` to. */
  readonly lastMarks = new Map<string, number>();
  /** What the user had to see and should not have. */
  readonly troubles: string[] = [];
  readonly #options: CrowdDeviceOptions;
  #edits = 0;

  private constructor(client: Client, store: JournaledStore, clock: DeviceClock, options: CrowdDeviceOptions) {
    this.name = options.name;
    this.door = options.door;
    this.mark = `by-${options.name}`;
    this.client = client;
    this.store = store;
    this.clock = clock;
    this.#options = options;
    client.onState(({ phase, stopReason, pushRefused, error }) => {
      if (phase === "stopped") this.troubles.push(`stopped: ${stopReason} ${error?.message ?? ""}`);
      if (pushRefused !== undefined) this.troubles.push(`pushes are refused: ${pushRefused}`);
    });
  }

  /** Opens it; it does not connect yet. */
  static async open(options: CrowdDeviceOptions): Promise<CrowdDevice> {
    const { name, url, door, journal, token, random } = options;
    const store = options.store ?? JournaledStore.empty(journal);
    const clock = new DeviceClock();
    const transport = journaledTransport(
      door === "grpc" ? new GrpcTransport(url) : new WebTransport(url, clock),
      name,
      journal,
    );
    const client = await openClient({
      transport,
      token: () => token,
      sha256: nodeSha256,
      store,
      deviceId: name,
      clock,
      random: random.fork("backoff").next,
    });
    return new CrowdDevice(client, store, clock, options);
  }

  /** The user edits until the signal aborts. */
  async live(stop: AbortSignal, { pauseMs, contact }: Habits): Promise<void> {
    const { random } = this.#options;
    while (!stop.aborted) {
      if (contact === "flapping" && random.happens(0.06)) await this.client.disconnect();
      else if (contact === "flapping" && random.happens(0.2)) this.client.connect();
      if (this.client.state.pendingEdits < MAX_WAITING_EDITS) await this.edit();
      await sleep(random.between(0, pauseMs));
    }
  }

  /** One edit at random. */
  async edit(): Promise<void> {
    try {
      await this.#editAtRandom();
    } catch (error) {
      // Another device may have deleted what this one was about to edit.
      const expected = error instanceof DomainError && ["not-found", "failed-precondition"].includes(error.kind);
      if (!expected) this.troubles.push(`an edit failed: ${error instanceof Error ? error.message : error}`);
    }
  }

  async #editAtRandom(): Promise<void> {
    const { random, journal } = this.#options;
    const seen = this.client.graph.find();
    const one = random.pick(seen.slice(0, RECORDS_IN_USE));
    const dice = random.next();
    if (one === undefined || seen.length < 6 || dice < 0.2) {
      await this.#create(random.pick(["device", "room", "note"] as const) ?? "note");
    } else if (dice < 0.75) {
      await this.update(one.id);
    } else if (dice < 0.82) {
      await this.client.remove(one.id);
      journal.edits += 1;
    } else {
      const device = random.pick(seen.filter(({ type }) => type === "device"));
      const room = random.pick(seen.filter(({ type }) => type === "room"));
      if (device === undefined || room === undefined) return;
      await this.client.relate({ type: "located_in", from: device.id, to: room.id });
      journal.edits += 1;
    }
  }

  async #create(type: "device" | "room" | "note"): Promise<void> {
    this.#edits += 1;
    const count = this.#edits;
    const id = await this.client.create({ type, body: { name: `${this.name} ${count}`, [this.mark]: count } });
    this.lastMarks.set(id, count);
    this.#options.journal.edits += 1;
  }

  /** Sets the device's own key and one that all fight over. */
  async update(id: string): Promise<void> {
    this.#edits += 1;
    const count = this.#edits;
    await this.client.update(id, { [this.mark]: count, shared: `${this.name} ${count}` });
    this.lastMarks.set(id, count);
    this.#options.journal.edits += 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }
}
