import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Change, RecordVersion } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type {
  HelloSchema,
  PushResult,
  SyncService,
  SyncStreamRequestSchema,
  SyncStreamResponse,
  UpToDate,
  Welcome,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { systemClock } from "@funkygibbon/kernel/clock";
import { addToDigest, digestTerm } from "@funkygibbon/kernel/digest";
import { parseRecordId } from "@funkygibbon/kernel/ids";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { parseVersion } from "@funkygibbon/kernel/version";
import type { RpcClient } from "@funkygibbon/rpc/client";

type FrameCase = NonNullable<SyncStreamResponse["frame"]["case"]>;
type FrameOf<Case extends FrameCase> = Extract<SyncStreamResponse["frame"], { case: Case }>["value"];

/** Who opens the stream. */
export interface WireDeviceOptions {
  readonly sync: RpcClient<typeof SyncService>;
  readonly token: string;
  readonly deviceId: string;
  /** How far the device's clock is ahead of the truth, in microseconds. Default 0. */
  readonly clockOffsetUs?: number;
  /** Default true: pages are acknowledged as they come. False: a device that receives and never says so. */
  readonly acknowledges?: boolean;
  /** What the hello says besides. */
  readonly hello?: MessageInitShape<typeof HelloSchema>;
}

/** What the frames of this kind said, in order. */
export function valuesOf<Case extends FrameCase>(frames: readonly SyncStreamResponse[], kind: Case): FrameOf<Case>[] {
  // The case says which value it is; TypeScript cannot follow that through a parameter.
  return frames.flatMap(({ frame }) => (frame.case === kind ? [frame.value as FrameOf<Case>] : []));
}

const WAIT_MS = 30_000;

/**
 * A device on the bare wire: sends frames as told, keeps what comes, acknowledges pages as it should. For tests in which
 * the frames themselves matter; {@link openNodeClient} is the real device.
 */
export class WireDevice implements AsyncDisposable {
  readonly deviceId: string;
  /** Every frame so far. */
  readonly frames: SyncStreamResponse[] = [];
  /** Newest pulled versions by record, tombstones included; own stamps count with what they name. */
  readonly heads = new Map<string, { version: string; seq: bigint; deleted: boolean; content?: RecordVersion }>();
  /** What the stream failed with. */
  failure: unknown;
  readonly #stream: ReturnType<RpcClient<typeof SyncService>["syncStream"]>;
  readonly #waiters = new Set<() => void>();
  readonly #reading: Promise<void>;
  #ended = false;
  readonly #clockOffsetUs: number;
  readonly #acknowledges: boolean;
  #pushId = 0n;
  readonly #pushed = new Map<string, Change>();

  private constructor(options: WireDeviceOptions) {
    this.deviceId = options.deviceId;
    this.#clockOffsetUs = options.clockOffsetUs ?? 0;
    this.#acknowledges = options.acknowledges ?? true;
    this.#stream = options.sync.syncStream({ token: options.token });
    this.#reading = this.#read();
  }

  /** Opens a stream and says hello; does not wait for the answer. */
  static open(options: WireDeviceOptions): WireDevice {
    const device = new WireDevice(options);
    device.send({
      case: "hello",
      value: {
        protocolVersion: PROTOCOL_VERSION,
        deviceId: options.deviceId,
        deviceTimeUs: device.#now(),
        ...options.hello,
      },
    });
    return device;
  }

  /** Sends one frame. */
  send(frame: MessageInitShape<typeof SyncStreamRequestSchema>["frame"]): void {
    this.#stream.send({ frame: frame ?? { case: undefined } }).catch(() => {});
  }

  /** The first frame of this kind, now or later. @throws what the stream failed with, or after 15 s. */
  async frame<Case extends FrameCase>(
    kind: Case,
    matches: (value: FrameOf<Case>) => boolean = () => true,
  ): Promise<FrameOf<Case>> {
    const find = () => valuesOf(this.frames, kind).find(matches);
    return this.#until(find, `a frame ${kind}`);
  }

  welcome(): Promise<Welcome> {
    return this.frame("welcome");
  }

  /** Resolves when the device has everything up to this seq (default: whatever the first up_to_date says). */
  upToDate(seq = 0n): Promise<UpToDate> {
    return this.frame("upToDate", ({ headSeq }) => headSeq >= seq);
  }

  /** Sends a push on the ground of the welcome, unless told otherwise; its answer is {@link result}'s. */
  async startPush(changes: readonly Change[], ground: { household?: string; epoch?: string } = {}): Promise<bigint> {
    await this.welcome();
    const [first] = this.frames;
    this.#pushId += 1n;
    for (const change of changes) this.#pushed.set(change.version, change);
    this.send({
      case: "push",
      value: {
        pushId: this.#pushId,
        householdId: ground.household ?? first?.householdId ?? "",
        epoch: ground.epoch ?? first?.epoch ?? "",
        deviceTimeUs: this.#now(),
        changes: [...changes],
      },
    });
    return this.#pushId;
  }

  /** Pushes and waits for the answer. */
  async push(changes: readonly Change[], ground: { household?: string; epoch?: string } = {}): Promise<PushResult> {
    const id = await this.startPush(changes, ground);
    return this.frame("pushResult", ({ pushId }) => pushId === id);
  }

  /** The digest of what was pulled, as protocol.md, section 6, defines it. */
  digest(): bigint {
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    return [...this.heads]
      .filter(([, head]) => !head.deleted)
      .map(([record, head]) => digestTerm(parseRecordId(record), parseVersion(head.version).id, sha256))
      .reduce(addToDigest, 0n);
  }

  /** Resolves with what the stream ends: undefined for an OK. */
  async end(): Promise<unknown> {
    await this.#until(
      () => (this.#ended ? true : undefined),
      "the end of the stream",
      () => false,
    );
    return this.failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.end();
    this.#stream.cancel();
    await this.#reading;
  }

  async #read(): Promise<void> {
    try {
      for await (const response of this.#stream.messages) {
        this.frames.push(response);
        if (response.frame.case === "changes") this.#store(response.frame.value);
        this.#wake();
      }
    } catch (error) {
      this.failure = error;
    }
    this.#ended = true;
    this.#wake();
  }

  #store(page: FrameOf<"changes">): void {
    for (const { record } of page.records) {
      if (record.case === "version") {
        const { recordId, version, seq, deleted } = record.value;
        this.heads.set(recordId, { version, seq, deleted, content: record.value });
      } else if (record.case === "own") {
        const { recordId, version, seq } = record.value;
        this.heads.set(recordId, { version, seq, deleted: this.#pushed.get(version)?.deleted === true });
      }
    }
    if (this.#acknowledges) this.send({ case: "ack", value: { frameId: page.frameId, cursor: page.cursor } });
  }

  #now(): bigint {
    return BigInt(systemClock.now() + this.#clockOffsetUs);
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async #until<T>(find: () => T | undefined, what: string, fails = () => this.#ended): Promise<T> {
    const end = AbortSignal.timeout(WAIT_MS);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (fails()) throw this.failure ?? new Error(`the stream ended before ${what}`);
      await new Promise<void>((resolve, reject) => {
        const late = () => reject(new Error(`waited in vain for ${what}; got ${this.#story()}`));
        end.addEventListener("abort", late, { once: true });
        const waiter = () => {
          this.#waiters.delete(waiter);
          end.removeEventListener("abort", late);
          resolve();
        };
        this.#waiters.add(waiter);
      });
    }
  }

  #story(): string {
    return this.frames.map(({ frame }) => frame.case).join(", ") || "nothing";
  }
}
