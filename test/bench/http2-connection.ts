import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { setImmediate as nextTurn } from "node:timers/promises";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  SyncService,
  type SyncStreamRequest,
  SyncStreamRequestSchema,
  type SyncStreamResponse,
  SyncStreamResponseSchema,
} from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import type { StreamOpener } from "./bench-device.ts";

const WINDOW_BYTES = 1024 * 1024;
/** A byte that says whether the message is compressed, and four for its length. */
const PREFIX_BYTES = 5;

/**
 * A TCP connection of its own with SyncStream on node:http2: what a crowd of devices costs the machine here stays small
 * beside what it costs the server. (grpc-js lets its clients of one address share a connection.)
 */
export class Http2Connection implements StreamOpener, AsyncDisposable {
  readonly #session: ClientHttp2Session;
  #closed = false;

  constructor(url: string) {
    this.#session = connect(url, { settings: { initialWindowSize: WINDOW_BYTES, enablePush: false } });
    // Its streams report it too.
    this.#session.on("error", () => {});
  }

  /** The stream as HTTP/2 has it. */
  open(token: string): ClientHttp2Stream {
    return this.#session.request({
      ":method": "POST",
      ":path": `/${SyncService.typeName}/SyncStream`,
      "content-type": "application/grpc",
      te: "trailers",
      authorization: `Bearer ${token}`,
    });
  }

  syncStream({ token }: { readonly token: string }) {
    const stream = this.open(token);
    return {
      async send(frame: MessageInitShape<typeof SyncStreamRequestSchema>): Promise<void> {
        stream.write(prefixed(create(SyncStreamRequestSchema, frame)));
      },
      end: () => void stream.end(),
      messages: messagesOf(stream, () => this.#closed),
    };
  }

  /** Hangs up: what its streams still had to say is not read. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#session.destroy();
  }
}

function prefixed(message: SyncStreamRequest): Buffer {
  const bytes = toBinary(SyncStreamRequestSchema, message);
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + bytes.byteLength);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(bytes.byteLength, 1);
  framed.set(bytes, PREFIX_BYTES);
  return framed;
}

async function* messagesOf(stream: ClientHttp2Stream, isClosed: () => boolean): AsyncGenerator<SyncStreamResponse> {
  let [status, message]: unknown[] = ["none", ""];
  const readStatus = (headers: { readonly [name: string]: unknown }) => {
    if (headers["grpc-status"] !== undefined) [status, message] = [headers["grpc-status"], headers["grpc-message"]];
  };
  stream.on("response", readStatus).on("trailers", readStatus);
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      rest = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.byteLength >= PREFIX_BYTES) {
        const end = PREFIX_BYTES + rest.readUInt32BE(1);
        if (rest.byteLength < end) break;
        yield fromBinary(SyncStreamResponseSchema, rest.subarray(PREFIX_BYTES, end));
        rest = rest.subarray(end);
      }
    }
  } catch (error) {
    if (!isClosed()) throw error;
    return;
  }
  // Trailers are told a little later than the end of the stream that bears them.
  await nextTurn();
  if (status !== "0" && !isClosed()) throw new Error(`SyncStream has ended with status ${status}: ${message}`);
}
