import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { must } from "@funkygibbon/kernel/must";
import { describe, expect, it } from "vitest";
import { clientOf, collect, errorOf, startEcho, until } from "../test-proto/echo-system.ts";

describe("server streams over gRPC", () => {
  it.each(["", "encoded"])("sends all messages (%s)", async (text) => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const messages = await collect(client.count({ text, count: 100 }));
    expect(messages.map(({ number }) => number)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  it.each([
    ["then fail", { kind: "invalid", fields: [{ field: "count", description: "is enough" }] }],
    ["then break", { kind: "internal", reason: "INTERNAL" }],
  ])("delivers what came first, then the error (%s)", async (text, expected) => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const seen: number[] = [];
    const error = await errorOf(
      (async () => {
        for await (const { number } of client.count({ text, count: 3 })) seen.push(number);
      })(),
    );
    expect(seen).toEqual([1, 2, 3]);
    expect(error).toMatchObject(expected);
  });

  it("stops producing when the reader leaves", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    for await (const _ of client.count({ count: 1_000_000 })) break;
    await until(() => system.journal.countClosed, "the generator ends");
  });

  it("does not run ahead of a reader that does not read", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const messages = client.count({ count: 5_000_000 })[Symbol.asyncIterator]();
    await messages.next();
    await sleep(300);
    expect(system.journal.countClosed).toBe(false);
    await messages.return?.();
    await until(() => system.journal.countClosed, "the generator ends");
  });
});

describe("bidirectional streams over gRPC", () => {
  it("talks both ways until the caller ends", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const chat = client.chat();
    await chat.send({ text: "a" });
    await chat.send({ text: "b" });
    chat.end();
    expect((await collect(chat.messages)).map(({ text }) => text)).toEqual(["a!", "b!"]);
  });

  it.each([
    ["fail", "not-found"],
    ["bug", "internal"],
  ])("ends with its status when the handler throws (%s), and the server lives on", async (text, kind) => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const chat = client.chat();
    void chat.send({ text: "a" });
    void chat.send({ text });
    const seen: string[] = [];
    const error = await errorOf(
      (async () => {
        for await (const message of chat.messages) seen.push(message.text);
      })(),
    );
    expect(seen).toEqual(["a!"]);
    expect(error.kind).toBe(kind);
    await expect(chat.send({ text: "too late" })).rejects.toMatchObject({ kind });
    expect((await client.echo({ text: "still here" })).text).toBe("still here");
  });

  it("ends with OK when the handler returns", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const chat = client.chat();
    void chat.send({ text: "return" });
    expect(await collect(chat.messages)).toEqual([]);
  });

  it("reads one message at a time: a slow handler holds the sender back", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const chat = client.chat();
    const big = "x".repeat(100_000);
    await chat.send({ text: "slow" });
    let accepted = 0;
    const sending = (async () => {
      for (let index = 0; index < 50; index++) {
        await chat.send({ text: big });
        accepted++;
      }
    })();
    await sleep(150);
    expect(system.journal.chatReceived).toBe(1);
    expect(accepted).toBeLessThan(20);
    const heard = collect(chat.messages);
    await sending;
    chat.end();
    expect(await heard).toHaveLength(50);
  });

  it("tells the handler of a cancelled stream, also while it does not read", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const chat = client.chat();
    await chat.send({ text: "slow" });
    await until(() => system.journal.chatReceived === 1, "the message arrives");
    chat.cancel();
    await until(() => system.journal.calls[0]?.signal.aborted === true, "the signal aborts");
    expect(system.journal.calls[0]?.signal.reason).toMatchObject({ kind: "cancelled" });
  });
});

describe("draining", () => {
  it("answers unary calls, those that still come too, lets streams say go-away, refuses new ones, then ends", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const unary = client.echo({ text: "rest" });
    const chat = client.chat();
    const heard = collect(chat.messages);
    await chat.send({ text: "a" });
    const counted = collect(client.count({ text: "then wait", count: 1 }));
    await until(() => system.journal.calls.length === 3, "all calls arrive");
    const drained = system.server.drain();
    expect((await client.echo({ text: "late" })).text).toBe("late");
    expect(await errorOf(collect(client.count({ text: "late", count: 1 })))).toMatchObject({
      kind: "unavailable",
      reason: "SERVER_DRAINING",
      retryAfterMs: 1_000,
    });
    system.journal.rested.resolve();
    expect((await unary).text).toBe("rest");
    expect((await heard).map(({ text }) => text)).toEqual(["a!", "go away"]);
    expect((await counted).map(({ number }) => number)).toEqual([1, -1]);
    await drained;
  });

  it("cuts off what does not end in time", async () => {
    await using system = await startEcho({ drainMs: 80 });
    await using client = clientOf(system);
    const answer = errorOf(client.echo({ text: "sleep ignoring the signal" }));
    await until(() => system.journal.calls.length === 1, "the call arrives");
    await system.server.drain();
    expect(await answer).toMatchObject({ kind: "unavailable", reason: "SERVER_DRAINING" });
  });

  it("lets a call be repeated that was sent before its caller could hear that the connection is closing", async () => {
    await using system = await startEcho();
    await using relay = await startRelay(system.server.port);
    await using client = clientOf({ server: { url: `http://127.0.0.1:${relay.port}` } });
    await client.echo({ text: "first" });
    const withheld = relay.withhold();
    const drained = system.server.drain();
    await withheld.leave;
    const late = client.echo({ text: "late" });
    await withheld.call;
    withheld.deliver();
    expect((await late).text).toBe("late");
    await drained;
  });
});

/** A port before the server's that can keep back what the server says. */
async function startRelay(serverPort: number) {
  const pairs: { readonly caller: Socket; readonly server: Socket }[] = [];
  const listener = createServer((caller) => {
    const server = connect(serverPort, "127.0.0.1");
    pairs.push({ caller, server });
    caller.pipe(server).pipe(caller);
    for (const socket of [caller, server]) {
      socket.on("error", () => {});
    }
    caller.once("close", () => server.destroy());
    server.once("close", () => caller.end());
  });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    /** On the one connection there is. `leave` resolves when the server has said something, `call` when the caller has. */
    withhold() {
      const { caller, server } = must(pairs[0], "nobody has connected");
      const said: Buffer[] = [];
      const keep = (chunk: Buffer) => said.push(chunk);
      server.unpipe(caller).on("data", keep).resume();
      return {
        leave: once(server, "data"),
        call: once(caller, "data"),
        deliver() {
          server.off("data", keep);
          caller.write(Buffer.concat(said));
          server.pipe(caller);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const { caller } of pairs) caller.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
