import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { beforeEach, describe, expect, it } from "vitest";
import { TcpProxy } from "./tcp-proxy.ts";

/** A peer on either side, and what it has heard. */
class Peer {
  readonly socket: Socket;
  heard = "";
  ended: "no" | "fin" | "rst" = "no";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (data) => {
      this.heard += data;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") this.ended = "rst";
    });
    socket.on("end", () => {
      this.ended = "fin";
    });
  }
}

let proxy: TcpProxy;
const arrived: Peer[] = [];

beforeEach(async () => {
  arrived.length = 0;
  const server = createServer((socket) => arrived.push(new Peer(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  // Nobody listens on port 9; the next one is tried then.
  proxy = await TcpProxy.open({ targets: () => [9, port] });
  return async () => {
    await proxy[Symbol.asyncDispose]();
    server.close();
  };
});

async function pair(): Promise<[Peer, Peer]> {
  const count = arrived.length;
  const client = new Peer(connect(proxy.port, "127.0.0.1"));
  await expect.poll(() => arrived.length).toBe(count + 1);
  return [client, arrived[count] as Peer];
}

describe("a network of ours", () => {
  it("carries bytes both ways, and the end behind them", async () => {
    const [client, server] = await pair();
    client.socket.write("hello");
    server.socket.end("good-bye");
    await expect.poll(() => [server.heard, client.heard, client.ended]).toEqual(["hello", "good-bye", "fin"]);
    await expect.poll(() => proxy.connections).toBe(0);
  });

  it("cuts connections in good order, and breaks others off", async () => {
    const [client, server] = await pair();
    proxy.cut();
    await expect.poll(() => [client.ended, server.ended]).toEqual(["fin", "fin"]);
    const [another, atServer] = await pair();
    proxy.reset();
    await expect.poll(() => [another.ended, atServer.ended]).toEqual(["rst", "rst"]);
  });

  it("delivers half of the next message and then nothing, not even the end", async () => {
    const [client, server] = await pair();
    const [other, atOther] = await pair();
    proxy.halve((index) => index === 0);
    client.socket.write("0123456789");
    await expect.poll(() => server.heard).toBe("01234");
    client.socket.end("more");
    other.socket.write("whole");
    await expect.poll(() => atOther.heard).toBe("whole");
    expect([server.heard, server.ended]).toEqual(["01234", "no"]);
  });

  it("holds what is said until it is released, in order; what is connected later may go ahead", async () => {
    const [client, server] = await pair();
    proxy.hold();
    client.socket.write("a");
    client.socket.end("b");
    proxy.holdOnlyOlder();
    const [later, atLater] = await pair();
    later.socket.write("c");
    await expect.poll(() => atLater.heard).toBe("c");
    expect(server.heard).toBe("");
    proxy.release();
    await expect.poll(() => [server.heard, server.ended]).toEqual(["ab", "fin"]);
  });

  it("lets each piece take its time and keeps their order", async () => {
    const [client, server] = await pair();
    const delaysMs = [40, 0];
    proxy.delayMs = () => delaysMs.shift() ?? 0;
    client.socket.write("first");
    await new Promise((resolve) => setTimeout(resolve, 5));
    client.socket.write("second");
    await expect.poll(() => server.heard).toBe("firstsecond");
  });
});
