import { create, toBinary } from "@bufbuild/protobuf";
import {
  type CommitResult,
  type CommitStreamRequest,
  CommitStreamRequestSchema,
  type CommitStreamResponse,
} from "@funkygibbon/gen/funkygibbon/entity/v1/change_log_service_pb";
import { StatusSchema } from "@funkygibbon/gen/google/rpc/status_pb";
import { backoffDelayMs } from "@funkygibbon/kernel/backoff";
import { DomainError, internal, unavailable } from "@funkygibbon/kernel/errors";
import { type HouseholdId, parseHouseholdId } from "@funkygibbon/kernel/ids";
import { Encoded } from "@funkygibbon/rpc/encoded";
import { fromGrpcStatus } from "@funkygibbon/rpc/status";
import type { Logger } from "@funkygibbon/runtime/log";
import { FairTurns } from "../domain/fair-turns.ts";
import { SharedBudget } from "../domain/shared-budget.ts";

/** A commit as the coordinator asks for it; its id on the stream is the stream's own affair. */
export type CommitCall = Pick<
  CommitStreamRequest,
  | "actorToken"
  | "householdId"
  | "epoch"
  | "deviceId"
  | "receivedUs"
  | "clockOffsetUs"
  | "notBeforeUs"
  | "changes"
  | "resolutions"
>;

/** The stream as this file uses it. */
export interface OpenedCommitStream {
  send(message: Encoded): Promise<void>;
  readonly messages: AsyncIterable<CommitStreamResponse>;
  end(): void;
  cancel(): void;
}

/** Options of {@link CommitStream}. */
export interface CommitStreamOptions {
  /** Opens ChangeLogService.CommitStream. */
  readonly open: () => OpenedCommitStream;
  readonly log: Logger;
  /** How long one commit may take, reconnections included. Default 10000. */
  readonly deadlineMs?: number;
  /** Bytes of commits that may wait or be under way; a household may have half of it. More are refused. Default 64 MiB. */
  readonly maxPendingBytes?: number;
}

interface PendingCommit {
  readonly household: HouseholdId;
  readonly request: Encoded;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (reason: DomainError) => void;
  readonly timer: NodeJS.Timeout;
  /** It has been its turn: it was sent, or will be with the next stream. */
  begun: boolean;
  /** Ends its turn. */
  leave: () => void;
}

/**
 * A stream is read in order, so what one household has sent is before all that others send: a little at a time is enough
 * to keep the store busy, which commits it one by one. Fewer together than the store reads before it answers.
 */
const SENT_AT_ONCE = { atOnce: 256, perHousehold: 8, bytesPerHousehold: 8 * 1024 * 1024 };

const RECONNECT = { baseMs: 20, capMs: 1_000 };

/**
 * Commits over one long-lived stream: a message each way, told apart by request ids. When the stream breaks it is opened
 * again, and what was not answered is sent again in the same order. That is safe because the store answers a change that
 * it knows with its first outcome. Households take turns.
 */
export class CommitStream implements AsyncDisposable {
  readonly #options: CommitStreamOptions;
  readonly #pending = new Map<bigint, PendingCommit>();
  readonly #pendingBytes: SharedBudget;
  readonly #turns = new FairTurns(SENT_AT_ONCE);
  #lastId = 0n;
  #stream: OpenedCommitStream | undefined;
  #connecting = false;
  #disposed = false;

  constructor(options: CommitStreamOptions) {
    this.#options = options;
    this.#pendingBytes = new SharedBudget(options.maxPendingBytes ?? 64 * 1024 * 1024);
  }

  /**
   * One transaction. Calls of one household are committed in the order in which they are made.
   * @throws what the store refuses it with; `unavailable` when no answer came in time: whether it was stored is unknown.
   */
  commit(call: CommitCall): Promise<CommitResult> {
    if (this.#disposed) return Promise.reject(unavailable("the coordinator is shutting down"));
    this.#lastId += 1n;
    const requestId = this.#lastId;
    const message = create(CommitStreamRequestSchema, { ...call, requestId });
    const request = new Encoded(CommitStreamRequestSchema, toBinary(CommitStreamRequestSchema, message));
    const household = parseHouseholdId(call.householdId);
    const { byteLength } = request.bytes;
    if (!this.#pendingBytes.mayTake(household, byteLength)) {
      return Promise.reject(unavailable("too many commits are under way", { retryAfterMs: 500 }));
    }
    this.#pendingBytes.take(household, byteLength);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#timeOut(requestId), this.#options.deadlineMs ?? 10_000);
      const pending: PendingCommit = { household, request, resolve, reject, timer, begun: false, leave: () => {} };
      this.#pending.set(requestId, pending);
      pending.leave = this.#turns.enter(household, byteLength, () => this.#begin(pending));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id)?.reject(unavailable("the coordinator is shutting down"));
    }
    this.#stream?.end();
    this.#stream?.cancel();
    this.#stream = undefined;
  }

  #begin(pending: PendingCommit): void {
    pending.begun = true;
    if (this.#stream === undefined) void this.#connect();
    else this.#send(this.#stream, pending.request);
  }

  /** Opens the stream, sends what waits, and reads until it breaks; again, as long as something waits. */
  async #connect(): Promise<void> {
    if (this.#connecting) return;
    this.#connecting = true;
    for (let attempt = 0; !this.#disposed && this.#pending.size > 0; attempt += 1) {
      const answered = await this.#runOneStream();
      if (answered) attempt = 0;
      if (this.#disposed || this.#pending.size === 0) break;
      await new Promise((resolve) => setTimeout(resolve, backoffDelayMs(attempt, RECONNECT)));
    }
    this.#connecting = false;
  }

  /** True when the stream answered anything before it broke. */
  async #runOneStream(): Promise<boolean> {
    let answered = false;
    try {
      const stream = this.#options.open();
      this.#stream = stream;
      for (const { request, begun } of this.#pending.values()) if (begun) this.#send(stream, request);
      for await (const response of stream.messages) {
        answered = true;
        this.#answered(response);
      }
      this.#options.log.info({ pending: this.#pending.size }, "commit-stream.ended");
    } catch (error) {
      if (!this.#disposed) this.#options.log.warn({ err: error, pending: this.#pending.size }, "commit-stream.broken");
    }
    this.#stream = undefined;
    return answered;
  }

  #send(stream: OpenedCommitStream, request: Encoded): void {
    // A failed send is a broken stream, which the reading loop sees too.
    stream.send(request).catch(() => {});
  }

  #answered({ requestId, result }: CommitStreamResponse): void {
    const pending = this.#settle(requestId);
    if (pending === undefined) return;
    switch (result.case) {
      case "committed":
        pending.resolve(result.value);
        break;
      case "error": {
        const { code, message } = result.value;
        pending.reject(fromGrpcStatus({ code, message, details: toBinary(StatusSchema, result.value) }));
        break;
      }
      case undefined:
        pending.reject(internal("the store answered a commit with nothing"));
    }
  }

  #timeOut(id: bigint): void {
    this.#settle(id)?.reject(
      new DomainError("unavailable", "the store does not answer", { reason: "UNAVAILABLE", retryAfterMs: 1_000 }),
    );
  }

  #settle(id: bigint): PendingCommit | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    this.#pendingBytes.giveBack(pending.household, pending.request.bytes.byteLength);
    clearTimeout(pending.timer);
    pending.leave();
    return pending;
  }
}
