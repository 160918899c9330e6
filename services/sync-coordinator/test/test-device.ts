import { randomUUID } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Change, ChangeSchema } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { EntityType, SourceType } from "@funkygibbon/gen/funkygibbon/entity/v1/graph_pb";
import {
  type ChangesFrame,
  type Hello,
  HelloSchema,
  type PushResult,
  type SyncService,
  type SyncStreamRequestSchema,
  type SyncStreamResponse,
  type UpToDate,
  type Welcome,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import type { RpcClient } from "@funkygibbon/rpc/client";

type Frame = SyncStreamResponse["frame"];
type FrameOf<Case extends Frame["case"]> = Extract<Frame, { case: Case }>["value"];

/** A device as the tests of the coordinator play it: by hand, frame by frame. */
export class TestDevice implements AsyncDisposable {
  readonly id: string;
  readonly received: SyncStreamResponse[] = [];
  /** What the stream ended with; `ok` when it ended well; undefined while it is open. */
  end: unknown;
  #taken = 0;
  #sequence = 0;
  #pushId = 0;
  #wake = () => {};
  readonly #stream;
  welcome: Welcome | undefined;
  household = "";
  epoch = "";
  cursor = "";
  /** Whether frames with changes are acknowledged as they come. */
  acks = true;

  constructor(client: RpcClient<typeof SyncService>, options: { readonly token: string; readonly device: string }) {
    this.id = options.device;
    this.#stream = client.syncStream({ token: options.token });
    void this.#read();
  }

  /** Says hello and waits for the welcome. */
  async hello(hello: TestHello = {}): Promise<Welcome> {
    this.say({ case: "hello", value: helloOf(this.id, hello) });
    this.welcome = await this.next("welcome");
    return this.welcome;
  }

  say(frame: NonNullable<MessageInitShape<typeof SyncStreamRequestSchema>["frame"]>): void {
    this.#stream.send({ frame }).catch(() => {});
  }

  /** An edit of this device; a create unless parents are given. */
  edit(change: Partial<Omit<Change, "$typeName" | "$unknown">> = {}): Change {
    this.#sequence += 1;
    return create(ChangeSchema, {
      recordId: randomUUID(),
      version: `2026-11-22T09:41:02.581Z-${this.id}-${String(this.#sequence).padStart(6, "0")}`,
      content: { case: "entity", value: { type: EntityType.DEVICE, source: SourceType.MANUAL, bodyJson: "{}" } },
      ...change,
    });
  }

  /** Sends a push without waiting for its answer. */
  sendPush(changes: Change[], fields: { readonly epoch?: string; readonly householdId?: string } = {}): number {
    this.#pushId += 1;
    const value = { pushId: BigInt(this.#pushId), householdId: this.household, epoch: this.epoch, changes, ...fields };
    this.say({ case: "push", value });
    return this.#pushId;
  }

  async push(...changes: Change[]): Promise<PushResult> {
    this.sendPush(changes);
    return this.next("pushResult");
  }

  /** The next frame of this kind; others before it are passed over. */
  async next<Case extends NonNullable<Frame["case"]>>(kind: Case): Promise<FrameOf<Case>> {
    for (;;) {
      const frame = this.received[this.#taken]?.frame;
      if (frame !== undefined) {
        this.#taken += 1;
        if (frame.case === kind) return frame.value as FrameOf<Case>;
      } else {
        await this.#more(`a ${kind}`);
      }
    }
  }

  /** The up_to_date at this seq, whenever it came or comes; without a seq the next one. */
  async upToDate(seq?: number): Promise<UpToDate> {
    if (seq === undefined) return this.next("upToDate");
    for (;;) {
      for (const { frame } of this.received) {
        if (frame.case === "upToDate" && frame.value.headSeq === BigInt(seq)) return frame.value;
      }
      await this.#more(`an up_to_date at ${seq}`);
    }
  }

  /** All frames with changes so far. */
  get changes(): ChangesFrame[] {
    return this.received.flatMap(({ frame }) => (frame.case === "changes" ? [frame.value] : []));
  }

  /** The seqs of all records so far, in the order in which they came; own ones negative. */
  get seqs(): number[] {
    return this.changes.flatMap(({ records }) =>
      records.map(({ record }) => Number(record.value?.seq) * (record.case === "own" ? -1 : 1)),
    );
  }

  /** What the stream ended with. */
  async ended(): Promise<unknown> {
    while (this.end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.end;
  }

  leave(): void {
    this.#stream.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.cancel();
    await this.ended();
  }

  async #more(what: string): Promise<void> {
    if (this.end !== undefined) throw new Error(`the stream ended before ${what} came`, { cause: this.end });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const kinds = () => this.received.map(({ frame }) => frame.case).join(", ");
    const timer = setTimeout(() => reject(new Error(`${this.id} waited for ${what} in vain after ${kinds()}`)), 15_000);
    await promise.finally(() => clearTimeout(timer));
  }

  async #read(): Promise<void> {
    try {
      for await (const message of this.#stream.messages) {
        this.received.push(message);
        this.household = message.householdId;
        this.epoch = message.epoch;
        this.#note(message.frame);
        this.#wake();
      }
      this.end = "ok";
    } catch (error) {
      this.end = error;
    }
    this.#wake();
  }

  #note(frame: Frame): void {
    if (frame.case === "upToDate") this.cursor = frame.value.cursor;
    if (frame.case !== "changes") return;
    this.cursor = frame.value.cursor;
    if (!this.acks) return;
    this.say({ case: "ack", value: { frameId: frame.value.frameId, cursor: frame.value.cursor } });
  }
}

/** What a test says in a hello beyond the usual. */
export type TestHello = Partial<Omit<Hello, "$typeName" | "$unknown">>;

/** A hello with the protocol's version and this device. */
export function helloOf(deviceId: string, hello: TestHello = {}): Hello {
  const usual = { protocolVersion: PROTOCOL_VERSION, deviceId, deviceTimeUs: BigInt(Date.now() * 1_000) };
  return create(HelloSchema, { ...usual, ...hello });
}
