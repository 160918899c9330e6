import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type SyncStreamRequest,
  SyncStreamRequestSchema,
  type SyncStreamResponse,
  SyncStreamResponseSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import {
  type ChannelCredentials,
  type ClientDuplexStream,
  credentials,
  Client as GrpcClient,
  Metadata,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { FrameQueue } from "./frame-queue.ts";
import { mustBeAddress } from "./given-options.ts";
import type { DeviceFrame, OpenOptions, ServerFrame, Transport, TransportSession } from "./transport.ts";
import { errorOfGrpcStatus, STATUS_DETAILS_TRAILER, unreachable } from "./transport-error.ts";

const SYNC_STREAM = "/inbetweenies.v1.SyncService/SyncStream";
/** Above the largest frame: 4 MiB of changes, or a page. */
const MAX_FRAME_BYTES = 8 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;

type SyncStream = ClientDuplexStream<SyncStreamRequest, SyncStreamResponse>;

/** Sessions over native gRPC (HTTP/2), for Node. Each session has its own connection. */
export class GrpcTransport implements Transport {
  readonly platform = "node";
  readonly pushWindow = 2;
  readonly #url: string;
  readonly #address: string;
  readonly #credentials: ChannelCredentials;

  /** @param url of the sync-coordinator: `http://` is without TLS, `https://` with. @throws DomainError `invalid`. */
  constructor(url: string) {
    const { protocol, host, hostname } = mustBeAddress(url, "url");
    const port = protocol === "https:" ? 443 : 80;
    this.#url = url;
    this.#address = host === hostname ? `${host}:${port}` : host;
    this.#credentials = protocol === "https:" ? credentials.createSsl() : credentials.createInsecure();
  }

  open(options: OpenOptions): TransportSession {
    const client = new GrpcClient(this.#address, this.#credentials, {
      "grpc.max_receive_message_length": MAX_FRAME_BYTES,
      "grpc.max_send_message_length": MAX_FRAME_BYTES,
      "grpc.keepalive_time_ms": 30_000,
      "grpc.use_local_subchannel_pool": 1,
      // Reconnecting is the client's own business; a lost session is to be known at once.
      "grpc.enable_retries": 0,
    });
    return new GrpcSession(client, { ...options, url: this.#url });
  }
}

class GrpcSession implements TransportSession {
  readonly frames: FrameQueue<ServerFrame>;
  readonly #client: GrpcClient;
  readonly #stream: SyncStream;
  readonly #connectTimer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  readonly #url: string;
  #over = false;

  constructor(client: GrpcClient, { token, signal, url }: OpenOptions & { readonly url: string }) {
    this.#client = client;
    this.#signal = signal;
    this.#url = url;
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    const stream = client.makeBidiStreamRequest(SYNC_STREAM, serialize, deserialize, metadata);
    this.#stream = stream;
    this.frames = new FrameQueue({ pause: () => stream.pause(), resume: () => stream.resume() });
    stream.on("data", (frame: SyncStreamResponse) => {
      clearTimeout(this.#connectTimer);
      this.frames.push(frame);
    });
    // The status says the same and more; without a listener the error would end the process.
    stream.on("error", () => undefined);
    stream.on("status", (end: StatusObject) => this.#ended(end));
    this.#connectTimer = setTimeout(() => this.#timeOut(), CONNECT_TIMEOUT_MS);
    signal.addEventListener("abort", this.#abort, { once: true });
    if (signal.aborted) this.close();
  }

  send(frame: DeviceFrame): Promise<void> {
    if (this.#over || this.#stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#stream.write(create(SyncStreamRequestSchema, { frame }), () => resolve());
    });
  }

  close(): void {
    if (this.#over) return;
    this.#finish();
    this.frames.end();
    this.#stream.end();
    this.#stream.cancel();
    this.#client.close();
  }

  readonly #abort = (): void => this.close();

  #timeOut(): void {
    this.#ended({ code: status.UNAVAILABLE, details: "the server does not answer", metadata: new Metadata() });
    this.#stream.cancel();
  }

  #ended(end: Pick<StatusObject, "code" | "details" | "metadata">): void {
    if (this.#over) return;
    this.#finish();
    this.#client.close();
    if (end.code === status.OK) {
      this.frames.end();
      return;
    }
    const why = whyUnconnected(end.details);
    if (why !== undefined) {
      this.frames.fail(unreachable(this.#url, why));
      return;
    }
    const [details] = end.metadata.get(STATUS_DETAILS_TRAILER);
    const statusDetails = typeof details === "string" ? undefined : details;
    this.frames.fail(errorOfGrpcStatus({ code: end.code, details: end.details, statusDetails }));
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#connectTimer);
    this.#signal.removeEventListener("abort", this.#abort);
  }
}

/** Why no connection came about, out of what grpc-js says of it; undefined: there was one. */
function whyUnconnected(details: string): string | undefined {
  if (details.startsWith("Name resolution failed")) return "nobody knows its name";
  return /^No connection established\. Last error: (?:Error: )?(.*?)\. Resolution note: /s.exec(details)?.[1];
}

function serialize(frame: SyncStreamRequest): Buffer {
  return Buffer.from(toBinary(SyncStreamRequestSchema, frame));
}

function deserialize(bytes: Buffer): SyncStreamResponse {
  return fromBinary(SyncStreamResponseSchema, bytes);
}
