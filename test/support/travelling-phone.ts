import { type Client, openClient } from "@funkygibbon/client/client";
import { nodeSha256 } from "@funkygibbon/client/node-hashes";
import { GrpcTransport } from "@funkygibbon/client/node-transport";
import type { DeviceFrame, OpenOptions, ServerFrame, Transport, TransportSession } from "@funkygibbon/client/transport";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { within } from "./node-device.ts";

const DAY_US = 24 * 60 * 60 * 1_000_000;

/** The four answers after which a change is in the history for ever. */
export type Kept = "applied" | "merged" | "superseded" | "pending";

const KEPT: Partial<Record<Outcome, Kept>> = {
  [Outcome.APPLIED]: "applied",
  [Outcome.MERGED]: "merged",
  [Outcome.SUPERSEDED]: "superseded",
  [Outcome.PENDING_REVIEW]: "pending",
};

/**
 * A real device (libs/client over gRPC) that is far away: its clock shows a day of the past, the network lets nothing out
 * that it pushes, and what its edits are answered is noted.
 */
export class TravellingPhone implements AsyncDisposable {
  /** Days between the phone's today and now. */
  daysAgo = 0;
  readonly #air: PatchyTransport;
  readonly #clock = { now: () => systemClock.now() - this.daysAgo * DAY_US };
  #client: Client | undefined;

  private constructor(url: string) {
    this.#air = new PatchyTransport(new GrpcTransport(url));
  }

  /** Opens the phone; it is not connected. */
  static async open(options: {
    url: string;
    token: string;
    deviceId: string;
    daysAgo: number;
  }): Promise<TravellingPhone> {
    const { url, token, deviceId, daysAgo } = options;
    const phone = new TravellingPhone(url);
    phone.daysAgo = daysAgo;
    phone.#client = await openClient({
      transport: phone.#air,
      sha256: nodeSha256,
      token: () => token,
      deviceId,
      clock: phone.#clock,
    });
    return phone;
  }

  get client(): Client {
    if (this.#client === undefined) throw new Error("the phone is not open");
    return this.#client;
  }

  /** The last answer to each version that was pushed, as the device was told it. */
  get answers(): ReadonlyMap<string, Outcome> {
    return this.#air.answers;
  }

  /** How many versions were answered in which way; anything else than the four counts as `lost`. */
  tally(): Record<Kept | "lost", number> {
    const counts = { applied: 0, merged: 0, superseded: 0, pending: 0, lost: 0 };
    for (const outcome of this.answers.values()) counts[KEPT[outcome] ?? "lost"] += 1;
    return counts;
  }

  /**
   * Pushes and gets no answer, for it goes nowhere: from then on these edits may have been received, so they are frozen
   * and later ones come on top of them instead of in their place. Resolves when so many versions have left the phone.
   */
  async pushInVain(versions: number): Promise<void> {
    this.#air.letsPushesOut = false;
    this.client.connect();
    await this.#air.hasLost(versions);
    await this.client.disconnect();
    this.#air.letsPushesOut = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client[Symbol.asyncDispose]();
  }
}

/** Carries everything, or everything but what is pushed. */
class PatchyTransport implements Transport {
  readonly platform: string;
  readonly pushWindow: 1 | 2;
  readonly answers = new Map<string, Outcome>();
  letsPushesOut = true;
  readonly #carrier: Transport;
  readonly #lost = new Set<string>();
  #noticed = () => {};

  constructor(carrier: Transport) {
    this.#carrier = carrier;
    this.platform = carrier.platform;
    this.pushWindow = carrier.pushWindow;
  }

  open(options: OpenOptions): TransportSession {
    const session = this.#carrier.open(options);
    return {
      frames: this.#note(session.frames),
      send: (frame) => (this.#loses(frame) ? Promise.resolve() : session.send(frame)),
      close: () => session.close(),
    };
  }

  async hasLost(versions: number): Promise<void> {
    const patience = within();
    while (this.#lost.size < versions) {
      patience.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        this.#noticed = resolve;
        patience.addEventListener("abort", () => reject(patience.reason), { once: true });
      });
    }
  }

  #loses(frame: DeviceFrame): boolean {
    if (frame.case !== "push" || this.letsPushesOut) return false;
    for (const { version } of frame.value.changes) this.#lost.add(version);
    this.#noticed();
    return true;
  }

  async *#note(frames: AsyncIterable<ServerFrame>): AsyncIterable<ServerFrame> {
    for await (const frame of frames) {
      if (frame.frame.case === "pushResult") {
        for (const { version, outcome } of frame.frame.value.outcomes) this.answers.set(version, outcome);
      }
      yield frame;
    }
  }
}
