import type { Micros } from "@funkygibbon/kernel/clock";
import type { Epoch } from "@funkygibbon/kernel/ids";
import type { Logger } from "@funkygibbon/runtime/log";
import type { DeviceRef, DeviceRegistry } from "../domain/ports.ts";

/** A device that acknowledges every change costs the store one write in this time, not one for each. */
const WRITE_EVERY_US = 1_000_000;

/** What a device has acknowledged, made durable now and then: nothing but reports of lag depends on it. */
export class DurableCursor {
  readonly #registry: Pick<DeviceRegistry, "acknowledge">;
  readonly #device: DeviceRef;
  readonly #epoch: Epoch;
  readonly #log: Logger;
  #durableSeq: number;
  #writtenUs = 0;

  constructor(
    parts: { readonly registry: Pick<DeviceRegistry, "acknowledge">; readonly log: Logger },
    device: DeviceRef,
    start: { readonly seq: number; readonly epoch: Epoch },
  ) {
    this.#registry = parts.registry;
    this.#log = parts.log;
    this.#device = device;
    this.#epoch = start.epoch;
    this.#durableSeq = start.seq;
  }

  /** Writes it if that is due. Never rejects. */
  async writeIfDue(ackedSeq: number, nowUs: Micros): Promise<void> {
    if (nowUs - this.#writtenUs >= WRITE_EVERY_US) await this.write(ackedSeq, nowUs);
  }

  /** Writes it if it has moved. Never rejects: the next write makes up for a failed one. */
  async write(ackedSeq: number, nowUs: Micros): Promise<void> {
    if (ackedSeq <= this.#durableSeq) return;
    const before = this.#durableSeq;
    this.#durableSeq = ackedSeq;
    this.#writtenUs = nowUs;
    try {
      await this.#registry.acknowledge(this.#device, ackedSeq, this.#epoch);
    } catch (error) {
      this.#durableSeq = before;
      this.#log.debug({ err: error, device: this.#device.device }, "session.acknowledge-failed");
    }
  }
}
