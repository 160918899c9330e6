import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Options of {@link TcpProxy.open}. */
export interface TcpProxyOptions {
  /** Ports of 127.0.0.1 to lead to, the preferred first; asked for each new connection. */
  readonly targets: () => readonly number[];
}

/**
 * A network to be broken: a port on 127.0.0.1 that leads to others. Bytes go through in order and unchanged until
 * somebody asks for less.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #targets: () => readonly number[];
  readonly #links = new Set<Link>();
  #held = false;
  /** How long each piece of data travels, in milliseconds. */
  delayMs: () => number = () => 0;

  private constructor(options: TcpProxyOptions) {
    this.#targets = options.targets;
    this.#server = createServer({ allowHalfOpen: false, noDelay: true }, (socket) => void this.#accept(socket));
  }

  /** Listens on a free port. */
  static async open(options: TcpProxyOptions): Promise<TcpProxy> {
    const proxy = new TcpProxy(options);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As clients of HTTP take it. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How many connections lead through. */
  get connections(): number {
    return this.#links.size;
  }

  /** Ends the connections in good order (FIN). What is under way is lost. */
  cut(share: (index: number) => boolean = () => true): void {
    for (const link of this.#some(share)) link.end("fin");
  }

  /** Breaks the connections off (RST). */
  reset(share: (index: number) => boolean = () => true): void {
    for (const link of this.#some(share)) link.end("rst");
  }

  /** Of the next piece of data of each present connection, in each direction, half is delivered; then nothing any more. */
  halve(share: (index: number) => boolean = () => true): void {
    for (const link of this.#some(share)) link.halve();
  }

  /** Nothing gets through, though connections stay and new ones can be made; {@link release} lets it all go on. */
  hold(): void {
    this.#held = true;
    for (const link of this.#links) link.hold();
  }

  /** Connections made from now on work again; those before stay held. */
  holdOnlyOlder(): void {
    this.#held = false;
  }

  /** Delivers what was held, in order. */
  release(): void {
    this.#held = false;
    for (const link of this.#links) link.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    this.#server.close();
    await once(this.#server, "close");
  }

  #some(share: (index: number) => boolean): Link[] {
    return [...this.#links].filter((_link, index) => share(index));
  }

  async #accept(client: Socket): Promise<void> {
    client.on("error", () => {});
    client.pause();
    const server = await this.#reach();
    if (server === undefined || client.destroyed) {
      client.resetAndDestroy();
      server?.destroy();
      return;
    }
    const link = new Link(client, server, () => this.delayMs());
    this.#links.add(link);
    link.closed.then(() => this.#links.delete(link));
    if (this.#held) link.hold();
  }

  /** The first target that answers. */
  async #reach(): Promise<Socket | undefined> {
    for (const port of this.#targets()) {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      try {
        await once(socket, "connect");
        socket.on("error", () => {});
        return socket;
      } catch {
        socket.destroy();
      }
    }
    return undefined;
  }
}

/** One connection through the proxy. */
class Link {
  readonly closed: Promise<void>;
  readonly #sockets: readonly [Socket, Socket];
  readonly #ways: readonly [Way, Way];

  constructor(client: Socket, server: Socket, delayMs: () => number) {
    this.#sockets = [client, server];
    this.#ways = [new Way(client, server, delayMs), new Way(server, client, delayMs)];
    this.closed = Promise.all(this.#sockets.map(closed)).then(() => {});
  }

  end(how: "fin" | "rst"): void {
    for (const way of this.#ways) way.abandon();
    for (const socket of this.#sockets) {
      if (how === "rst") socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
  }

  halve(): void {
    for (const way of this.#ways) way.halve();
  }

  hold(): void {
    for (const way of this.#ways) way.hold();
  }

  release(): void {
    for (const way of this.#ways) way.release();
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** One direction of a connection. Its end travels behind its data, as in TCP. */
class Way {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: () => number;
  /** Data and the end of it (undefined), held or on their way. */
  #queue: { readonly data: Buffer | undefined; readonly dueMs: number }[] = [];
  #state: "flowing" | "held" | "halving" | "lost" = "flowing";
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, delayMs: () => number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    from.on("data", (data) => this.#take(data));
    from.on("close", () => this.#take(undefined));
    to.on("drain", () => from.resume());
    from.resume();
  }

  abandon(): void {
    this.#state = "lost";
    this.#queue = [];
    clearTimeout(this.#timer);
  }

  halve(): void {
    if (this.#state === "flowing") this.#state = "halving";
  }

  hold(): void {
    if (this.#state === "flowing") this.#state = "held";
  }

  release(): void {
    if (this.#state !== "held") return;
    this.#state = "flowing";
    this.#deliver();
  }

  #take(data: Buffer | undefined): void {
    const nowMs = performance.now();
    const dueMs = Math.max(nowMs + this.#delayMs(), this.#queue.at(-1)?.dueMs ?? 0);
    this.#queue.push({ data, dueMs });
    this.#deliver();
  }

  #deliver(): void {
    clearTimeout(this.#timer);
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (this.#state === "held") return;
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#deliver(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#pass(next.data);
    }
  }

  #pass(data: Buffer | undefined): void {
    // A network that swallows data swallows the news of the end too: the other side has to find out by itself.
    if (this.#state === "lost") return;
    if (data === undefined) {
      this.#to.destroySoon();
      return;
    }
    const half = this.#state === "halving";
    if (half) this.#state = "lost";
    const flows = this.#to.write(half ? data.subarray(0, Math.ceil(data.length / 2)) : data);
    if (!flows) this.#from.pause();
  }
}
