import { setTimeout as sleep } from "node:timers/promises";
import { type Change, type ChangeOutcome, Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { WireDevice, type WireDeviceOptions } from "./wire-device.ts";

/**
 * A device that edits on and on, whatever happens to the servers: what was not answered is sent again as it was, on the
 * same stream or on the next. Notes what was answered and how, which is what no crash may take back (I1).
 */
export class RelentlessDevice {
  /** The first answer to each version that was answered for good. */
  readonly answers = new Map<string, ChangeOutcome>();
  /** Versions whose second answer was another one: there must be none (I3). */
  readonly contradictions: string[] = [];
  /** How often it had to connect. */
  connections = 0;
  readonly #options: Omit<WireDeviceOptions, "hello">;
  readonly #nextEdits: () => readonly Change[];
  #pending: readonly Change[] = [];
  #sessionKey = new Uint8Array();

  constructor(options: Omit<WireDeviceOptions, "hello">, nextEdits: () => readonly Change[]) {
    this.#options = options;
    this.#nextEdits = nextEdits;
  }

  /** Edits until the signal aborts, then until everything is answered. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted || this.#pending.length > 0) {
      try {
        await this.#session(stop);
      } catch {
        // Whatever it was, the device tries again; what counts is in the answers.
        await sleep(50);
      }
    }
  }

  async #session(stop: AbortSignal): Promise<void> {
    this.connections += 1;
    await using device = WireDevice.open({ ...this.#options, hello: { sessionKey: this.#sessionKey } });
    const { sessionKey } = await device.welcome();
    this.#sessionKey = new Uint8Array(sessionKey);
    for (;;) {
      if (this.#pending.length === 0 && stop.aborted) return;
      if (this.#pending.length === 0) this.#pending = this.#nextEdits();
      const { outcomes, refusedReason } = await device.push(this.#pending);
      // At full tilt two of these would leave a service that starts again no core to do so.
      await sleep(refusedReason === "" ? 20 : 50);
      for (const outcome of outcomes) this.#note(outcome);
      this.#pending = this.#pending.filter(({ version }) => !this.answers.has(version));
    }
  }

  #note(outcome: ChangeOutcome): void {
    if (outcome.outcome === Outcome.RETRY || outcome.outcome === Outcome.DEFERRED) return;
    const first = this.answers.get(outcome.version);
    if (first === undefined) this.answers.set(outcome.version, outcome);
    else if (first.outcome !== outcome.outcome) this.contradictions.push(outcome.version);
  }
}
