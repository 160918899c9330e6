import { DomainError } from "@funkygibbon/kernel/errors";
import type { DeviceId } from "@funkygibbon/kernel/ids";
import { type Client, openClient } from "../../libs/client/src/client.ts";
import type { GraphEditor } from "../../libs/client/src/graph-editor.ts";
import { nodeSha256 } from "../../libs/client/src/node-hashes.ts";
import type { Store, StoreBatch } from "../../libs/client/src/store.ts";
import type { SyncState } from "../../libs/client/src/sync-state.ts";
import type { OpenOptions, Transport, TransportSession } from "../../libs/client/src/transport.ts";
import { describeFrame } from "./describe-frame.ts";
import { DeviceConnection } from "./device-connection.ts";
import type { DeviceDisk } from "./device-disk.ts";
import type { ConfirmedEdit, Journal } from "./journal.ts";
import type { Sabotage } from "./sabotage.ts";
import type { SeededRandom } from "./seeded-random.ts";
import type { SimulatedCoordinator } from "./simulated-coordinator.ts";
import { forever, type Hop, SimulatedProcess } from "./simulated-process.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a device is made of. */
export interface SimulatedDeviceOptions {
  /** Which installation it is; a clone is another one than its original. */
  readonly installation: number;
  readonly deviceId: DeviceId;
  readonly token: string;
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly hop: Hop;
  readonly journal: Journal;
  readonly disk: DeviceDisk;
  readonly sabotage: Sabotage;
  /** A coordinator that answers; undefined while none does. */
  readonly findCoordinator: () => SimulatedCoordinator | undefined;
}

/** Where and how a device is to die. */
interface Death {
  writesLeft: number;
  readonly after: boolean;
}

/** A device: the real client on a disk that survives it, a clock of its own, and a network that may be gone. */
export class SimulatedDevice {
  readonly options: SimulatedDeviceOptions;
  readonly name: string;
  readonly connections = new Set<DeviceConnection>();
  disk: DeviceDisk;
  /** An older state of the disk. */
  backup: DeviceDisk;
  /** The device's clock minus the true time, in milliseconds. */
  clockErrorMs = 0;
  isCutOff = false;
  #process: SimulatedProcess;
  #client: Client | undefined;
  #death: Death | undefined;
  #booting: Promise<void> = Promise.resolve();

  constructor(options: SimulatedDeviceOptions) {
    this.options = options;
    this.name = `${options.deviceId}#${options.installation}`;
    this.disk = options.disk;
    this.backup = options.disk.copy();
    options.journal.disks.add(this.disk);
    this.#process = new SimulatedProcess(options.time);
  }

  /** The running client; undefined while the device is off. */
  get client(): Client | undefined {
    return this.#process.isAlive ? this.#client : undefined;
  }

  /** Starts the app, offline. */
  boot(): Promise<void> {
    if (this.client !== undefined) return this.#booting;
    const { time, random, journal, token, deviceId } = this.options;
    const process = new SimulatedProcess(time);
    this.#process = process;
    this.#death = undefined;
    const booting = openClient({
      store: this.#store(process),
      transport: this.#transport(process),
      token: () => token,
      sha256: nodeSha256,
      deviceId,
      clock: { now: () => time.now() + this.clockErrorMs * 1_000 },
      timers: {
        after: (delayMs, run) =>
          time.after(delayMs, () => {
            if (process.isAlive) run();
          }),
      },
      random: random.next,
    }).then((client) => {
      if (process !== this.#process) return;
      this.#client = client;
      client.onState((state) => this.#watch(state, journal));
    });
    this.#booting = booting;
    return booting;
  }

  /** The battery falls out. */
  crash(): void {
    this.#process.kill();
    this.#client = undefined;
    for (const connection of [...this.connections]) connection.cut("the device died");
  }

  /** Dies at one of its next writes, before or after it has reached the disk. */
  dieAtWrite(writes: number, after: boolean): void {
    this.#death = { writesLeft: writes, after };
  }

  cut(): void {
    for (const connection of [...this.connections]) connection.cut("the network broke");
  }

  /** The disk is put back to an older state, as a phone that was restored from its own backup. */
  rollBack(): void {
    const { journal } = this.options;
    this.crash();
    journal.lostDisks.add(this.disk);
    journal.disks.delete(this.disk);
    this.disk = this.backup.copy();
    journal.disks.add(this.disk);
  }

  /** What the user does; confirmed when it is durable, if the device lives to see that. */
  async edit<T>(
    work: (editor: GraphEditor) => { readonly record: string; readonly value: T } | undefined,
    edit: Pick<ConfirmedEdit, "keys" | "deleted">,
  ): Promise<void> {
    const { client, disk } = this;
    const { journal, installation } = this.options;
    const process = this.#process;
    if (client === undefined) return;
    try {
      const done = await client.edit(work);
      if (done === undefined || !process.isAlive) return;
      const { record } = done;
      const { version } = client.inspect(record);
      this.#tell(() => `has ${edit.deleted ? "deleted" : "edited"} ${record.slice(-4)}: ${version ?? "nothing"}`);
      journal.confirmed.push({ installation, disk, record, version, ...edit });
    } catch (error) {
      // What the user sees may have changed since they looked.
      if (!(error instanceof DomainError) || error.kind === "internal") throw error;
      this.#tell(() => `may not: ${error.message}`);
    }
  }

  #store(process: SimulatedProcess): Store {
    const { time, random } = this.options;
    let writing: { batch: StoreBatch; done: boolean } | undefined;
    const finish = () => {
      if (writing === undefined || writing.done) return;
      writing.done = true;
      this.disk.apply(writing.batch);
    };
    process.onKill(() => {
      // The kill may come before or after the write has reached the disk.
      if (random.chance(0.5)) finish();
      writing = undefined;
    });
    return {
      load: async () => this.disk.load(),
      apply: async (batch) => {
        if (!process.isAlive) return forever();
        writing = { batch: this.options.sabotage.batch?.(batch) ?? batch, done: false };
        const death = this.#death;
        if (death !== undefined) {
          death.writesLeft -= 1;
          if (death.writesLeft <= 0) {
            if (death.after) finish();
            writing = undefined;
            this.crash();
            return forever();
          }
        }
        if (random.chance(0.3)) await time.sleep(random.between(0, 5));
        if (!process.isAlive) return forever();
        finish();
        return undefined;
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #transport(process: SimulatedProcess): Transport {
    return {
      platform: "simulation",
      pushWindow: 2,
      open: (options) => this.#open(process, options),
    };
  }

  #open(process: SimulatedProcess, open: OpenOptions): TransportSession {
    const { time, random, hop, journal, installation, findCoordinator } = this.options;
    const coordinator = this.isCutOff || !process.isAlive ? undefined : findCoordinator();
    let lastSeq = 0;
    const connection = new DeviceConnection(
      {
        time,
        random,
        hop,
        coordinator,
        onEnd: (over) => this.connections.delete(over),
        onFrame: ({ frame }) => {
          this.#tell(() => `is sent ${describeFrame(frame)}`);
          if (frame.case !== "changes") return;
          for (const { record } of frame.value.records) {
            const seq = Number(record.value?.seq);
            if (seq <= lastSeq) journal.problem(`I4: ${this.name} was sent seq ${seq} after ${lastSeq}`);
            lastSeq = seq;
          }
        },
      },
      open,
    );
    this.connections.add(connection);
    return {
      frames: connection.frames,
      close: () => connection.close(),
      send: (frame) => {
        if (!process.isAlive) return forever();
        this.#tell(() => `says ${describeFrame(frame)}`);
        if (frame.case === "push" || frame.case === "heal") journal.sent(installation, frame.case, frame.value.changes);
        return connection.send(frame);
      },
    };
  }

  #tell(what: () => string): void {
    const { journal, time } = this.options;
    journal.note(() => `${time.clockText} ${this.name} ${what()}`);
  }

  #watch({ phase, stopReason, digestMismatches, error }: SyncState, journal: Journal): void {
    if (digestMismatches > 0) journal.problem(`I2: the base of ${this.name} did not add up`);
    if (stopReason !== undefined && stopReason !== "superseded") {
      journal.problem(`${this.name} stopped: ${stopReason} ${error?.reason ?? ""} ${error?.message ?? ""}`);
    }
    if (error?.reason === "INTERNAL") journal.problem(`${this.name} failed in ${phase}: ${error.message}`);
  }
}
