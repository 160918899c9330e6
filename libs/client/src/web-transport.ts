import { create } from "@bufbuild/protobuf";
import { type Client as ConnectClient, type Transport as ConnectTransport, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import {
  type Hello,
  type PullAck,
  type Push,
  PushResultSchema,
  type SubscribeResponse,
  SyncService,
  SyncStreamResponseSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { Clock } from "@funkygibbon/kernel/clock";
import type { DomainError, ErrorKind } from "@funkygibbon/kernel/errors";
import { PROTOCOL_VERSION } from "@funkygibbon/kernel/limits";
import { FrameQueue } from "./frame-queue.ts";
import { mustBeAddress } from "./given-options.ts";
import type { DeviceFrame, OpenOptions, ServerFrame, Transport, TransportSession } from "./transport.ts";
import { errorOfConnect } from "./transport-error.ts";

/**
 * Sessions for browsers, over fetch: the pull half is the server stream Subscribe, pushes and heals go by Sync, the
 * durable cursor moves by Ack (docs/protocol.md, section 10). Works wherever fetch does, Node included.
 */
export class WebTransport implements Transport {
  readonly platform = "browser";
  readonly pushWindow = 1;
  readonly #connect: ConnectTransport;
  readonly #clock: Clock;
  readonly #url: string;

  /**
   * @param url of the sync-coordinator.
   * @param clock of the device, which every push tells.
   * @throws DomainError `invalid`.
   */
  constructor(url: string, clock: Clock) {
    mustBeAddress(url, "url");
    this.#connect = createConnectTransport({ baseUrl: url, useBinaryFormat: true });
    this.#clock = clock;
    this.#url = url;
  }

  open(options: OpenOptions): TransportSession {
    return new WebSession(createClient(SyncService, this.#connect), this.#clock, { ...options, url: this.#url });
  }
}

type SyncClient = ConnectClient<typeof SyncService>;

/** Refusals of one push after which the session may go on and the push be repeated. */
const NOT_NOW: ReadonlySet<ErrorKind> = new Set(["exhausted", "unavailable", "deadline-exceeded"]);

class WebSession implements TransportSession {
  readonly frames = new FrameQueue<ServerFrame>();
  readonly #client: SyncClient;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  readonly #url: string;
  #token: string;
  #hello: Hello | undefined;
  #sessionId = "";
  /** Unary calls go one after the other, so that the server sees them in order. */
  #calls: Promise<void> = Promise.resolve();

  constructor(client: SyncClient, clock: Clock, { token, signal, url }: OpenOptions & { readonly url: string }) {
    this.#client = client;
    this.#clock = clock;
    this.#url = url;
    this.#token = token;
    this.#signal = AbortSignal.any([signal, this.#abort.signal]);
    this.#signal.addEventListener("abort", () => this.frames.end(), { once: true });
  }

  send(frame: DeviceFrame): Promise<void> {
    switch (frame.case) {
      case "hello":
        this.#hello = frame.value;
        void this.#subscribe(frame.value);
        return Promise.resolve();
      case "push":
      case "heal":
        return this.#enqueue(() => this.#push(frame.value));
      case "ack":
        return this.#enqueue(() => this.#ack(frame.value));
      case "token":
        // The stream ends with its own token; calls go on with the fresh one, and so does the next session.
        this.#token = frame.value.token;
        return Promise.resolve();
      case "ping":
        // The server's own heartbeat comes by the stream; there is nothing to answer.
        return Promise.resolve();
    }
  }

  close(): void {
    this.#abort.abort();
  }

  async #subscribe(hello: Hello): Promise<void> {
    try {
      for await (const response of this.#client.subscribe({ hello }, this.#options())) this.#received(response);
      this.frames.end();
    } catch (error) {
      this.#fail(error);
    }
  }

  #received(response: SubscribeResponse): void {
    const { householdId, epoch, frame } = response;
    if (frame.case === "welcome") this.#sessionId = frame.value.sessionId;
    this.frames.push(create(SyncStreamResponseSchema, { householdId, epoch, frame }));
  }

  /** Sends one push and presents its answer as the stream would. */
  async #push(push: Push): Promise<void> {
    try {
      const answer = await this.#client.sync(
        {
          protocolVersion: PROTOCOL_VERSION,
          deviceId: this.#hello?.deviceId ?? "",
          sessionId: this.#sessionId,
          householdId: push.householdId,
          epoch: push.epoch,
          // Not the push's own: it may have waited for the call before it, and would make the clock look slow.
          deviceTimeUs: BigInt(this.#clock.now()),
          changes: push.changes,
          skipPull: true,
        },
        this.#options(),
      );
      const { householdId, epoch, outcomes, conflicts, syncStatus, headSeq } = answer;
      const value = create(PushResultSchema, { pushId: push.pushId, outcomes, conflicts, syncStatus, headSeq });
      this.frames.push(create(SyncStreamResponseSchema, { householdId, epoch, frame: { case: "pushResult", value } }));
    } catch (error) {
      this.#refused(push, errorOfConnect(error, this.#url));
    }
  }

  #refused(push: Push, error: DomainError): void {
    if (!NOT_NOW.has(error.kind)) {
      this.frames.fail(error);
      this.#abort.abort();
      return;
    }
    const delayMs = error.retryAfterMs ?? 0;
    const value = create(PushResultSchema, {
      pushId: push.pushId,
      refusedReason: error.reason,
      retryAfter: { seconds: BigInt(Math.floor(delayMs / 1_000)), nanos: Math.round((delayMs % 1_000) * 1e6) },
    });
    const { householdId, epoch } = push;
    this.frames.push(create(SyncStreamResponseSchema, { householdId, epoch, frame: { case: "pushResult", value } }));
  }

  async #ack(ack: PullAck): Promise<void> {
    const deviceId = this.#hello?.deviceId ?? "";
    try {
      await this.#client.ack({ sessionId: this.#sessionId, cursor: ack.cursor, deviceId }, this.#options());
    } catch {
      // The cursor is kept here as well, and the next ack says more.
    }
  }

  /** Resolves at once: the answer comes as a frame. */
  #enqueue(call: () => Promise<void>): Promise<void> {
    this.#calls = this.#calls.then(() => (this.#signal.aborted ? undefined : call()));
    return Promise.resolve();
  }

  #options() {
    return { headers: { authorization: `Bearer ${this.#token}` }, signal: this.#signal };
  }

  #fail(error: unknown): void {
    if (this.#signal.aborted) this.frames.end();
    else this.frames.fail(errorOfConnect(error, this.#url));
  }
}
