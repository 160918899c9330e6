import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseHouseholdId } from "@funkygibbon/kernel/ids";
import { silentLogger } from "@funkygibbon/runtime/log";
import { connect } from "nats";
import { afterEach, describe, expect, test } from "vitest";
import { kill, type OwnServers, ownServers } from "../../../test/support/own-servers.ts";
import { createTestEvents, type TestEvents } from "../../../test/support/test-events.ts";
import { connectEvents, type EventBus } from "./connection.ts";
import { parseServers } from "./servers.ts";
import { COMMITTED_STREAM, everyHousehold, householdSubject } from "./subjects.ts";

const log = silentLogger();
const text = (words: string) => new TextEncoder().encode(words);
const home = householdSubject(parseHouseholdId("ada-home"), "committed");

const open: AsyncDisposable[] = [];
const keep = <T extends AsyncDisposable>(resource: T): T => {
  open.push(resource);
  return resource;
};

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]();
});

/** Collects what arrives and waits for a number of events. */
function inbox(bus: EventBus, subject: string, queue?: string) {
  const received: string[] = [];
  bus.subscribe(
    subject,
    ({ data }) => void received.push(new TextDecoder().decode(data)),
    queue === undefined ? {} : { queue },
  );
  return {
    received,
    async until(count: number) {
      for (let waited = 0; received.length < count && waited < 5_000; waited += 10) await sleep(10);
      return received;
    },
  };
}

async function untilAvailable(bus: EventBus, wanted = true) {
  for (let waited = 0; bus.available !== wanted && waited < 10_000; waited += 20) await sleep(20);
  expect(bus.available).toBe(wanted);
}

async function stored(events: TestEvents): Promise<number> {
  const connection = await connect(parseServers(events.url));
  const manager = await connection.jetstreamManager();
  const { state } = await manager.streams.info(COMMITTED_STREAM.name);
  await connection.close();
  return state.messages;
}

describe("events", () => {
  test("reach every subscriber of their subject, in order, and none of another account", async () => {
    const [events, others] = [keep(await createTestEvents()), keep(await createTestEvents())];
    const [sender, receiver, stranger] = [await events.connect(), await events.connect(), await others.connect()];
    const [all, one, foreign] = [
      inbox(receiver, everyHousehold("committed")),
      inbox(receiver, home),
      inbox(stranger, everyHousehold("committed")),
    ];
    await receiver.ping();
    for (const words of ["a", "b", "c"]) await sender.publish(home, text(words));
    expect(await all.until(3)).toEqual(["a", "b", "c"]);
    expect(await one.until(3)).toEqual(["a", "b", "c"]);
    expect(foreign.received).toEqual([]);
  });

  test("of a queue go to one of its subscribers", async () => {
    const events = keep(await createTestEvents());
    const [sender, first, second] = [await events.connect(), await events.connect(), await events.connect()];
    const inboxes = [inbox(first, home, "workers"), inbox(second, home, "workers")];
    await Promise.all([first.ping(), second.ping()]);
    for (let count = 0; count < 20; count++) await sender.publish(home, text(String(count)));
    await sender.ping();
    for (let waited = 0; inboxes.flatMap((box) => box.received).length < 20 && waited < 5_000; waited += 10)
      await sleep(10);
    expect(inboxes.flatMap((box) => box.received)).toHaveLength(20);
  });

  test("with a message id are stored once, although nobody made the stream", async () => {
    const events = keep(await createTestEvents());
    const bus = await events.connect();
    const listener = inbox(bus, home);
    await bus.ping();
    await bus.publish(home, text("first"), { messageId: "ada-home:e:1" });
    await bus.publish(home, text("first"), { messageId: "ada-home:e:1" });
    await bus.publish(home, text("second"), { messageId: "ada-home:e:2" });
    expect(await stored(events)).toBe(2);
    expect(await listener.until(3)).toEqual(["first", "first", "second"]);
  });

  test("with a message id are stored although somebody deleted the stream under a listener", async () => {
    const events = keep(await createTestEvents());
    const bus = await events.connect({ publishTimeoutMs: 200 });
    const listener = inbox(bus, home);
    await bus.publish(home, text("first"), { messageId: "1" });
    const connection = await connect(parseServers(events.url));
    await (await connection.jetstreamManager()).streams.delete(COMMITTED_STREAM.name);
    await connection.close();
    await bus.publish(home, text("second"), { messageId: "2" });
    expect(await stored(events)).toBe(1);
    expect(await listener.until(3)).toEqual(["first", "second", "second"]);
  });

  test("of a handler that throws or rejects are logged and the next ones still come", async () => {
    const bus = await keep(await createTestEvents()).connect();
    const seen: string[] = [];
    bus.subscribe(home, ({ data }) => {
      seen.push(new TextDecoder().decode(data));
      if (seen.length === 1) throw new Error("at once");
      return Promise.reject(new Error("later"));
    });
    await bus.ping();
    for (const words of ["a", "b", "c"]) await bus.publish(home, text(words));
    for (let waited = 0; seen.length < 3 && waited < 5_000; waited += 10) await sleep(10);
    expect(seen).toEqual(["a", "b", "c"]);
  });

  test("stop when a subscription is disposed", async () => {
    const bus = await keep(await createTestEvents()).connect();
    const seen: Uint8Array[] = [];
    const subscription = bus.subscribe(home, ({ data }) => void seen.push(data));
    await subscription[Symbol.asyncDispose]();
    await bus.publish(home, text("late"));
    await bus.ping();
    expect(seen).toEqual([]);
  });

  test("too large for the server are our fault", async () => {
    const bus = await keep(await createTestEvents()).connect();
    await expect(bus.publish(home, new Uint8Array(2_000_000))).rejects.toMatchObject({ kind: "internal" });
  });
});

describe("a stream", () => {
  test("made by an older version is brought up to its definition", async () => {
    const bus = await keep(await createTestEvents()).connect();
    await bus.ensureStream({ ...COMMITTED_STREAM, maxBytes: 1_000_000 });
    await bus.ensureStream();
    await bus.ensureStream();
  });
});

describe("a bus", () => {
  test("can be opened while NATS is away, refuses at once, and subscriptions made meanwhile work when NATS has come", async () => {
    const servers: OwnServers = keep(ownServers());
    const server = await servers.startNats();
    await server.stop();
    const bus = keep(await connectEvents({ url: server.url, log, firstConnectTimeoutMs: 100 }));
    const listener = inbox(bus, home);
    await expect(bus.publish(home, text("lost"))).rejects.toMatchObject({ kind: "unavailable" });
    await expect(bus.ping()).rejects.toMatchObject({ kind: "unavailable" });
    await expect(bus.ensureStream()).rejects.toMatchObject({ kind: "unavailable" });
    await servers.startNats(server.port);
    await untilAvailable(bus);
    await bus.publish(home, text("heard"));
    expect(await listener.until(1)).toEqual(["heard"]);
  });

  test("survives a kill of NATS and the loss of its store, tells so, and hears again", async () => {
    const servers: OwnServers = keep(ownServers());
    const server = await servers.startNats();
    const bus = keep(await connectEvents({ url: server.url, log }));
    const changes: boolean[] = [];
    bus.onAvailabilityChange((available) => changes.push(available));
    const listener = inbox(bus, home);
    await bus.publish(home, text("before"), { messageId: "1" });
    await listener.until(1);
    await kill(server);
    await untilAvailable(bus, false);
    await expect(bus.publish(home, text("lost"), { messageId: "2" })).rejects.toMatchObject({ kind: "unavailable" });
    rmSync(server.directory, { recursive: true });
    await servers.startNats(server.port);
    await untilAvailable(bus);
    await bus.publish(home, text("after"), { messageId: "2" });
    expect(await listener.until(2)).toEqual(["before", "after"]);
    expect(changes).toEqual([false, true]);
  });

  test("that was never connected can be closed at once", async () => {
    const bus = await connectEvents({ url: "nats://127.0.0.1:1", log, firstConnectTimeoutMs: 10 });
    await expect(bus[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});
