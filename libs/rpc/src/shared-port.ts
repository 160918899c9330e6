import { createServer, type Server, type Socket } from "node:net";

/** The first bytes of the HTTP/2 connection preface (RFC 9113, 3.4); no HTTP/1.1 method begins like this. */
const HTTP2_PREFACE = Buffer.from("PRI ");

/** A connection that has not said what it speaks after this long is closed. */
const FIRST_BYTES_TIMEOUT_MS = 10_000;

/** Who serves a connection once it is known what it speaks. */
export interface SharedPortHandlers {
  http2(socket: Socket): void;
  http1(socket: Socket): void;
}

/** One listening port for cleartext HTTP/2 and HTTP/1.1: the first bytes of a connection decide. */
export class SharedPort {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(handlers: SharedPortHandlers) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      // A connection reset is nobody's fault; what was lost with it shows in the calls.
      socket.on("error", () => socket.destroy());
      decide(socket, handlers);
    });
  }

  /** @throws the error of the operating system, for example EADDRINUSE. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: 1_024 }, () => {
        this.#server.off("error", reject);
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** No new connections; those that are open stay. */
  stopListening(): void {
    this.#server.close();
  }

  /** Closes every connection now and resolves when the port is free. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    return promise;
  }
}

function decide(socket: Socket, handlers: SharedPortHandlers): void {
  const timer = setTimeout(() => socket.destroy(), FIRST_BYTES_TIMEOUT_MS).unref();
  let seen: Buffer = Buffer.alloc(0);
  const look = (chunk: Buffer) => {
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.byteLength, HTTP2_PREFACE.byteLength);
    const isPreface = seen.subarray(0, length).equals(HTTP2_PREFACE.subarray(0, length));
    if (isPreface && length < HTTP2_PREFACE.byteLength) return;
    clearTimeout(timer);
    socket.off("data", look);
    socket.pause();
    socket.unshift(seen);
    if (isPreface) handlers.http2(socket);
    else {
      handlers.http1(socket);
      socket.resume();
    }
  };
  socket.on("data", look);
}
