import { connect, type Settings } from "node:http2";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { clientOf, startEcho, until } from "../test-proto/echo-system.ts";

describe("the port", () => {
  it("lets a caller send 256 KiB ahead", async () => {
    await using system = await startEcho();
    const session = connect(system.server.url);
    const settings = await new Promise<Settings>((resolve) => session.once("remoteSettings", resolve));
    expect(settings.initialWindowSize).toBe(256 * 1024);
    session.destroy();
  });

  it("is told apart although the preface comes byte by byte", async () => {
    await using system = await startEcho();
    const socket = createConnection({ host: "127.0.0.1", port: system.server.port, noDelay: true });
    const heard: Buffer[] = [];
    socket.on("data", (chunk) => heard.push(chunk));
    for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
      socket.write(byte);
      await sleep(2);
    }
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    await until(() => heard.length > 0, "the server answers");
    // Its SETTINGS frame: 24 bits of length, then type 4.
    expect(heard[0]?.[3]).toBe(4);
    socket.destroy();
  });

  it("survives rubbish and connections that end early", async () => {
    await using system = await startEcho();
    for (const bytes of [
      "\x16\x03\x01 TLS?",
      "PRI rubbish that is no preface\r\n\r\n",
      "P",
      "GET / HTTP/1.1\r\nHost",
    ]) {
      const socket = createConnection({ host: "127.0.0.1", port: system.server.port });
      socket.on("error", () => {});
      socket.write(bytes);
      await sleep(20);
      socket.resetAndDestroy();
    }
    await using client = clientOf(system);
    expect((await client.echo({ text: "alive" })).text).toBe("alive");
  });

  it("that is taken is refused with the system's own words", async () => {
    await using system = await startEcho();
    await expect(startEcho({ port: system.server.port })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});
