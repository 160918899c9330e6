import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";

/** One address before several replicas: each connection leads to the next of those that are named when it is made. */
export class TcpBalancer implements AsyncDisposable {
  readonly #server: Server;
  #ports: readonly number[] = [];
  #next = 0;

  private constructor() {
    this.#server = createServer({ noDelay: true }, (client) => {
      const port = this.#ports[this.#next++ % this.#ports.length];
      if (port === undefined) return void client.destroy();
      const replica = connect({ port, host: "127.0.0.1", noDelay: true });
      client.pipe(replica).pipe(client);
      for (const [socket, other] of [
        [client, replica],
        [replica, client],
      ] as const) {
        socket.on("error", () => other.destroy());
        socket.on("close", () => other.destroy());
      }
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async open(): Promise<TcpBalancer> {
    const balancer = new TcpBalancer();
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Where connections lead from now on; those that there are stay. */
  leadTo(...urls: readonly string[]): void {
    this.#ports = urls.map((url) => Number(new URL(url).port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}
