import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type SyncStreamRequest,
  SyncStreamRequestSchema,
  SyncStreamResponseSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { DomainError, unavailable } from "@funkygibbon/kernel/errors";
import { Encoded } from "@funkygibbon/rpc/encoded";
import { FrameQueue } from "../../libs/client/src/frame-queue.ts";
import type { DeviceFrame, OpenOptions, ServerFrame, TransportSession } from "../../libs/client/src/transport.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { asTold, Lane, ServedStream } from "./simulated-call.ts";
import type { DeviceStream, SimulatedCoordinator } from "./simulated-coordinator.ts";
import type { Hop } from "./simulated-process.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a connection is made of. */
export interface DeviceConnectionOptions {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  /** How long a frame is under way. */
  readonly hop: Hop;
  /** Undefined: nobody answers. */
  readonly coordinator: SimulatedCoordinator | undefined;
  readonly onFrame: (frame: ServerFrame) => void;
  readonly onEnd: (connection: DeviceConnection) => void;
}

/** How long the other side of a broken connection goes on believing in it, at most. */
const HALF_OPEN_MS = 20_000;

/** One SyncStream over a network that delays, and that breaks at any moment, for each side at another. */
export class DeviceConnection implements TransportSession {
  readonly frames = new FrameQueue<ServerFrame>();
  readonly coordinator: SimulatedCoordinator | undefined;
  readonly #options: DeviceConnectionOptions;
  readonly #stream: DeviceStream;
  readonly #up: Lane<() => void>;
  readonly #down: Lane<() => void>;
  #isOver = false;

  constructor(options: DeviceConnectionOptions, { token, signal }: OpenOptions) {
    const { time, hop, coordinator } = options;
    this.#options = options;
    this.coordinator = coordinator;
    this.#up = new Lane(time, hop, (arrive) => arrive());
    this.#down = new Lane(time, hop, (arrive) => arrive());
    this.#stream = new ServedStream((message) => this.#carry(message));
    signal.addEventListener("abort", () => this.close(), { once: true });
    if (coordinator?.process.isAlive !== true) {
      time.after(hop(), () => this.#breakFor("device", unavailable("nobody answers")));
      return;
    }
    coordinator.process.onKill(() => this.cut("the process was killed"));
    this.#up.send(() => this.#serve(coordinator, token));
  }

  async send(frame: DeviceFrame): Promise<void> {
    if (this.#isOver) return;
    const bytes = toBinary(SyncStreamRequestSchema, create(SyncStreamRequestSchema, { frame }));
    this.#up.send(() => this.#stream.inbox.push(fromBinary(SyncStreamRequestSchema, bytes) as SyncStreamRequest));
  }

  /** The device ends it: the server is told after everything that was sent before. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#down.cut(true);
    this.frames.end();
    this.#up.send(() => this.#stream.terminate(cancelled()));
    this.#options.onEnd(this);
  }

  /** The network breaks it: what is under way may be lost, and the server may not notice for a while. */
  cut(why: string): void {
    if (this.#isOver) return;
    const { time, random, hop } = this.#options;
    this.#up.cut(random.chance(0.5));
    this.#down.cut(random.chance(0.5));
    const noticesAfterMs = random.chance(0.3) ? random.between(0, HALF_OPEN_MS) : hop();
    time.after(noticesAfterMs, () => this.#stream.terminate(cancelled()));
    time.after(random.chance(0.3) ? random.between(0, 3_000) : hop(), () => this.#breakFor("device", unavailable(why)));
  }

  #serve(coordinator: SimulatedCoordinator, token: string): void {
    if (!coordinator.process.isAlive) return;
    coordinator.serve(this.#stream, token).then(
      () => this.#down.send(() => this.#endWell()),
      (error: unknown) => this.#down.send(() => this.#breakFor("device", asTold(error))),
    );
  }

  /** Resolves when the transport has taken the message. */
  async #carry(message: Encoded | object): Promise<void> {
    const { time, random } = this.#options;
    const frame =
      message instanceof Encoded ? (message.message as ServerFrame) : create(SyncStreamResponseSchema, message);
    this.#down.send(() => {
      if (this.#isOver) return;
      this.#options.onFrame(frame);
      this.frames.push(frame);
    });
    if (random.chance(0.2)) await time.sleep(random.between(0, 20));
  }

  #endWell(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.frames.end();
    this.#options.onEnd(this);
  }

  #breakFor(_side: "device", error: DomainError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.frames.fail(error);
    this.#options.onEnd(this);
  }
}

function cancelled(): DomainError {
  return new DomainError("cancelled", "the caller is gone", { reason: "CANCELLED" });
}
