import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { ClientDuplexStream, ClientReadableStream } from "@grpc/grpc-js";
import { callError, cancelOnAbort, decodeResponse, encodeRequest } from "./client-call.ts";
import type { Encoded } from "./encoded.ts";
import type { AnyResponse } from "./service.ts";

/** The client's side of a bidirectional stream. */
export interface DuplexClientStream<Request, Response> {
  /** Resolves when the transport has taken the message, so awaiting it is backpressure. Rejects when the call is over. */
  send(message: Request | Encoded): Promise<void>;
  /** What the server sends; ends with its OK, throws its error as a DomainError. To be read once; leaving the loop cancels the call. */
  readonly messages: AsyncIterable<Response>;
  /** Nothing more will be sent; the server may go on. */
  end(): void;
  /** Ends both directions now. */
  cancel(): void;
}

/** Messages of a server stream. Leaving the loop cancels the call. */
export async function* readMessages(
  method: DescMethod,
  stream: ClientReadableStream<Buffer>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Message> {
  const stopListening = cancelOnAbort(signal, stream);
  try {
    for await (const bytes of stream.iterator({ destroyOnReturn: false })) yield decodeResponse(method, bytes);
  } catch (error) {
    throw callError(error, signal);
  } finally {
    stopListening();
    stream.cancel();
  }
}

/** Both directions over grpc-js's stream. */
export class GrpcDuplexClientStream implements DuplexClientStream<AnyResponse, Message> {
  readonly messages: AsyncIterable<Message>;
  readonly #method: DescMethod;
  readonly #stream: ClientDuplexStream<Buffer, Buffer>;
  readonly #signal: AbortSignal | undefined;
  readonly #pendingSends = new Set<(reason: unknown) => void>();
  #failure: Error | undefined;

  constructor(method: DescMethod, stream: ClientDuplexStream<Buffer, Buffer>, signal: AbortSignal | undefined) {
    this.#method = method;
    this.#stream = stream;
    this.#signal = signal;
    this.messages = readMessages(method, stream, signal);
    const stopListening = cancelOnAbort(signal, stream);
    // Heard here too, so that an error while nobody reads ends the call and not the process.
    stream.on("error", (error) => this.#fail(error));
    stream.on("status", () => {
      stopListening();
      this.#fail(new Error("the call has ended"));
    });
  }

  send(message: AnyResponse): Promise<void> {
    const taken = this.#write(encodeRequest(this.#method, message));
    taken.catch(() => {});
    return taken;
  }

  end(): void {
    this.#stream.end();
  }

  cancel(): void {
    this.#stream.cancel();
  }

  #write(bytes: Buffer): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(callError(this.#failure, this.#signal));
    return new Promise((resolve, reject) => {
      this.#pendingSends.add(reject);
      this.#stream.write(bytes, (error: Error | null | undefined) => {
        this.#pendingSends.delete(reject);
        if (error) reject(callError(error, this.#signal));
        else resolve();
      });
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const reject of this.#pendingSends) reject(callError(this.#failure, this.#signal));
    this.#pendingSends.clear();
  }
}
