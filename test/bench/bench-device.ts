import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Change } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import { Outcome } from "@funkygibbon/gen/funkygibbon/entity/v1/change_pb";
import type {
  PushResult,
  SyncStreamRequestSchema,
  SyncStreamResponse,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { SyncStatus } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";

/** What opens SyncStream: a client over grpc-js, or a connection of node:http2. */
export interface StreamOpener {
  syncStream(options: { readonly token: string }): {
    send(frame: MessageInitShape<typeof SyncStreamRequestSchema>): Promise<void>;
    end(): void;
    readonly messages: AsyncIterable<SyncStreamResponse>;
  };
}

/** A device on one stream: acknowledges what it gets, keeps nothing. */
export class BenchDevice implements AsyncDisposable {
  readonly id: string;
  household = "";
  epoch = "";
  /** Where the last up_to_date stood. */
  cursor = "";
  /** Records that came so far. */
  records = 0;
  onRecords: (receivedMs: number) => void = () => {};
  readonly #stream;
  readonly #ended: Promise<void>;
  readonly #waiting = new Map<string, (frame: SyncStreamResponse) => void>();
  #headSeq = -1;
  #pushId = 0;
  #leaving = false;
  readonly #results = new Map<number, (result: PushResult) => void>();
  #onHead: { readonly seq: number; readonly resolve: () => void } | undefined;

  constructor(connection: StreamOpener, token: string, id: string) {
    this.id = id;
    this.#stream = connection.syncStream({ token });
    this.#ended = this.#read();
  }

  /** Says hello; resolves with the welcome. */
  async hello(): Promise<void> {
    const welcome = new Promise((resolve) => this.#waiting.set("welcome", resolve));
    const deviceTimeUs = BigInt(Date.now() * 1_000);
    await this.#stream.send({
      frame: { case: "hello", value: { protocolVersion: PROTOCOL_VERSION, deviceId: this.id, deviceTimeUs } },
    });
    await welcome;
  }

  /** Resolves with the answer; throws unless everything was applied. */
  async push(changes: Change[]): Promise<void> {
    this.#pushId += 1;
    const id = this.#pushId;
    const answered = new Promise<PushResult>((resolve) => this.#results.set(id, resolve));
    const value = { pushId: BigInt(id), householdId: this.household, epoch: this.epoch, changes };
    this.#stream.send({ frame: { case: "push", value } }).catch(() => {});
    const result = await answered;
    if (result.syncStatus === SyncStatus.SUCCESS && result.outcomes.every((o) => o.outcome === Outcome.APPLIED)) return;
    throw new Error(`push ${id} was not applied: ${result.refusedReason} ${result.outcomes.length} outcomes`);
  }

  /** Resolves when an up_to_date at this seq or later has come. */
  async upToDate(seq: number): Promise<void> {
    if (this.#headSeq >= seq) return;
    await new Promise<void>((resolve) => {
      this.#onHead = { seq, resolve };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving = true;
    this.#stream.end();
    await this.#ended;
  }

  async #read(): Promise<void> {
    for await (const message of this.#stream.messages) this.#take(message, performance.now());
  }

  #take(message: SyncStreamResponse, receivedMs: number): void {
    this.household = message.householdId;
    this.epoch = message.epoch;
    const { frame } = message;
    if (frame.case === "changes") {
      this.records += frame.value.records.length;
      this.onRecords(receivedMs);
      if (this.#leaving) return;
      const { frameId, cursor } = frame.value;
      this.#stream.send({ frame: { case: "ack", value: { frameId, cursor } } }).catch(() => {});
    } else if (frame.case === "pushResult") {
      this.#results.get(Number(frame.value.pushId))?.(frame.value);
    } else if (frame.case === "upToDate") {
      this.#headSeq = Number(frame.value.headSeq);
      this.cursor = frame.value.cursor;
      if (this.#onHead !== undefined && this.#headSeq >= this.#onHead.seq) this.#onHead.resolve();
    }
    this.#waiting.get(frame.case ?? "")?.(message);
  }
}
