import { create } from "@bufbuild/protobuf";
import { ConflictInfoSchema, GoAwayReason } from "@funkygibbon/gen/inbetweenies/v1/sync_service_pb";
import { DomainError, unauthenticated } from "@funkygibbon/kernel/errors";
import { afterEach, describe, expect, it } from "vitest";
import { FrameQueue } from "./frame-queue.ts";
import { MemoryStore } from "./memory-store.ts";
import type { StoreBatch } from "./store.ts";
import { storeFull } from "./store-error.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientOf, clientPen, ManualClock, room, roomNames, within } from "./testing/scenario.ts";
import { systemTimers, type Timers } from "./timers.ts";
import type { ServerFrame, TransportSession } from "./transport.ts";

const { adopt, device, connected, closeAll } = clientPen();
afterEach(closeAll);

/** A disk that is full while one says so. */
class FullableStore extends MemoryStore {
  isFull = false;

  override apply(batch: StoreBatch): Promise<void> {
    return this.isFull ? Promise.reject(storeFull("home", undefined)) : super.apply(batch);
  }
}

const NO_CHANGE: StoreBatch = { meta: undefined, clearRecords: false, putRecords: [], putEdits: [], removeEdits: [] };

describe("a session", () => {
  it("goes on from its cursor and presents the key of the last welcome", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    await ada.create(room("Kitchen"));
    await ada.settled(within());
    await ada.disconnect();
    ada.connect();
    await ada.settled(within());
    const [first, second] = server.hellos;
    expect(first).toMatchObject({ cursor: "", epoch: "", householdId: "" });
    expect(second).toMatchObject({ cursor: "1/0", epoch: server.epoch, householdId: "h1" });
    expect(second?.sessionKey).toHaveLength(8);
    expect(ada.state.digestMismatches).toBe(0);
  });

  it("comes back by itself after the network broke, and sends again what was not answered", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    for (const session of server.sessions) session.cut();
    await ada.create(room("Kitchen"));
    await ada.settled(within());
    expect(server.heads.size).toBe(1);
  });

  it("tells of a conflict once, although the disk was full when it came and it had to come again", async () => {
    const server = new ModelServer();
    const disk = new FullableStore();
    const transport = server.transport();
    let answers = 0;
    async function* disputed(frames: AsyncIterable<ServerFrame>): AsyncGenerator<ServerFrame> {
      for await (const message of frames) {
        if (message.frame.case === "pushResult") {
          message.frame.value.conflicts = [create(ConflictInfoSchema, { conflictId: "c-1" })];
          answers += 1;
          disk.isFull = answers === 1;
        }
        yield message;
      }
    }
    const contested = (session: TransportSession): TransportSession => ({
      frames: disputed(session.frames),
      close: () => session.close(),
      send: (frame) => session.send(frame),
    });
    const open: typeof transport.open = (options) => contested(transport.open(options));
    const ada = adopt(await clientOf(server, { deviceId: "ada", store: disk, transport: { ...transport, open } }));
    await ada.create(room("Kitchen"));
    ada.connect();
    await ada.until(({ error }) => error?.reason === "STORE_FULL", within());
    disk.isFull = false;
    ada.retryNow();
    await ada.settled(within());
    expect(answers).toBe(2);
    expect(ada.conflicts.map(({ conflictId }) => conflictId)).toEqual(["c-1"]);
  });

  it("ends when a push is not answered for 45 s although the server is heard, and sends it again in the next", async () => {
    const server = new ModelServer();
    const transport = server.transport();
    let lost = 0;
    const losing = (session: TransportSession): TransportSession => ({
      frames: session.frames,
      close: () => session.close(),
      send: (frame) => (frame.case === "push" && lost++ === 0 ? Promise.resolve() : session.send(frame)),
    });
    const overdue = Promise.withResolvers<() => void>();
    const client = await clientOf(server, {
      deviceId: "ada",
      transport: { ...transport, open: (options) => losing(transport.open(options)) },
      timers: {
        after: (delayMs, callback) => {
          if (delayMs !== 45_000) return systemTimers.after(delayMs, callback);
          overdue.resolve(callback);
          return () => undefined;
        },
      },
    });
    adopt(client);
    client.connect();
    await client.create(room("Kitchen"));
    await expect.poll(() => lost).toBe(1);
    (await overdue.promise)();
    await client.settled(within());
    expect(server.pushes).toHaveLength(1);
    expect(server.hellos).toHaveLength(2);
  });

  it("ends when the app is asked to disconnect while it owes a token", async () => {
    const asked = Promise.withResolvers<void>();
    const token = () => {
      asked.resolve();
      return new Promise<string>(() => undefined);
    };
    const ada = adopt(await clientOf(new ModelServer(), { deviceId: "ada", token }));
    ada.connect();
    await asked.promise;
    await ada.disconnect();
    expect(ada.state.phase).toBe("offline");
  });

  it("asks the app again for a token that it owes, and says what is missing", async () => {
    const server = new ModelServer();
    const clock = new ManualClock();
    let asked = 0;
    const token = () => (++asked < 3 ? new Promise<string>(() => undefined) : "token");
    const hurried: Timers = {
      after: (delayMs, callback) => {
        if (asked === 3) return systemTimers.after(delayMs, callback);
        return systemTimers.after(0, () => {
          clock.nowUs += Math.round(delayMs * 1_000);
          callback();
        });
      },
    };
    const ada = adopt(await clientOf(server, { deviceId: "ada", token, clock, timers: hurried }));
    const errors = new Set<string | undefined>();
    ada.onState(({ error }) => errors.add(error?.reason));
    ada.connect();
    await ada.settled(within());
    expect(errors).toEqual(new Set([undefined, "TOKEN_OVERDUE"]));
    expect(asked).toBe(3);
  });

  it("shows why the app's token is of no use, and asks again", async () => {
    const server = new ModelServer();
    const transport = server.transport();
    const refused = (): TransportSession => {
      const frames = new FrameQueue<ServerFrame>();
      frames.fail(unauthenticated("the token has expired", "TOKEN_EXPIRED"));
      return { frames, close: () => undefined, send: () => Promise.resolve() };
    };
    const tokens = [() => Promise.reject(new Error("logged out")), () => "old", () => "old"];
    const ada = adopt(
      await clientOf(server, {
        deviceId: "ada",
        token: () => tokens.shift()?.() ?? "fresh",
        transport: {
          ...transport,
          open: (options) => (options.token === "old" ? refused() : transport.open(options)),
        },
      }),
    );
    const errors = new Set<string | undefined>();
    ada.onState(({ error }) => errors.add(error?.message));
    ada.connect();
    await ada.settled(within());
    expect([...errors]).toEqual([undefined, "logged out", "the token has expired"]);
    expect(ada.state.error).toBeUndefined();
  });

  it.each([
    ["undefined", undefined, "the app gives no token"],
    ["an empty text", " \n", "the app gives no token"],
    ["an object", { token: "secret" }, "the app gives no token"],
    [
      "a header's value",
      "Bearer secret",
      "the app gives a token with characters that none has; it goes without Bearer",
    ],
    ["two lines", "secret\nsecret", "the app gives a token with characters that none has; it goes without Bearer"],
  ])("says what is wrong with %s for a token without telling it, and asks nobody", async (_, given, message) => {
    const transport = new ModelServer().transport();
    const open = () => {
      throw new Error("asked");
    };
    const token = () => given as never;
    const ada = adopt(await clientOf(new ModelServer(), { deviceId: "ada", token, transport: { ...transport, open } }));
    ada.connect();
    const state = await ada.until(({ error }) => error !== undefined, within());
    expect(state.error).toEqual({ reason: "TOKEN_INVALID", message });
  });

  it("takes a token as it stands in a file, with the end of its line", async () => {
    const server = new ModelServer();
    const transport = server.transport();
    const shown: string[] = [];
    const open: typeof transport.open = (options) => {
      shown.push(options.token);
      return transport.open(options);
    };
    const token = () => "token\n";
    const ada = adopt(await clientOf(server, { deviceId: "ada", token, transport: { ...transport, open } }));
    ada.connect();
    await ada.settled(within());
    expect(shown).toEqual(["token"]);
  });

  it("never comes back by itself when a newer session of the device has begun", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    for (const session of server.sessions) {
      session.say({ case: "goAway", value: { reason: GoAwayReason.SUPERSEDED } });
    }
    const state = await ada.until(({ phase }) => phase === "stopped", within());
    expect(state.stopReason).toBe("superseded");
    expect(server.hellos).toHaveLength(1);
    ada.connect();
    await ada.settled(within());
  });

  it.each([GoAwayReason.DRAIN, GoAwayReason.OVERLOADED, GoAwayReason.TOKEN_EXPIRED, GoAwayReason.SILENT])(
    "comes back after go-away %s",
    async (reason) => {
      const server = new ModelServer();
      const ada = await connected(server, "ada");
      for (const session of server.sessions) session.say({ case: "goAway", value: { reason } });
      await ada.until(({ phase }) => phase !== "live", within());
      await ada.settled(within());
      expect(server.hellos).toHaveLength(2);
    },
  );

  it("comes back once when it may be a late hello of its own that has superseded it", async () => {
    const server = new ModelServer();
    const superseded = { case: "goAway", value: { reason: GoAwayReason.SUPERSEDED } } as const;
    server.hearsNothing = true;
    const ada = await device(server, "ada");
    ada.connect();
    await expect.poll(() => server.sessions.size).toBe(1);
    await ada.disconnect();
    server.hearsNothing = false;
    ada.connect();
    await ada.settled(within());
    for (const session of server.sessions) session.say(superseded);
    await ada.until(({ phase }) => phase !== "live", within());
    await ada.settled(within());
    for (const session of server.sessions) session.say(superseded);
    expect(await ada.until(({ phase }) => phase === "stopped", within())).toMatchObject({ stopReason: "superseded" });
  });

  it("stops and keeps its edits when the token is for another household", async () => {
    const server = new ModelServer();
    const store = new MemoryStore();
    const ada = await connected(server, "ada", store);
    await ada.create(room("Kitchen"));
    await ada.settled(within());
    await ada.disconnect();
    await ada.create(room("Bath"));
    const moved = new ModelServer();
    moved.household = "h2";
    const elsewhere = await device(moved, "ada", store);
    elsewhere.connect();
    const state = await elsewhere.until(({ phase }) => phase === "stopped", within());
    expect(state).toMatchObject({ stopReason: "household-changed", pendingEdits: 1 });
    expect(moved.pushes).toEqual([]);
  });

  it("reads only as a guest", async () => {
    const server = new ModelServer();
    server.role = "guest";
    const guest = await connected(server, "guest");
    await expect(guest.create(room("Kitchen"))).rejects.toThrow(DomainError);
  });

  it("acknowledges each page after it is stored", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    for (let index = 0; index < 40; index++) await ada.create(room(`${index}`));
    await ada.settled(within());
    const ben = await connected(server, "ben");
    expect(roomNames(ben)).toHaveLength(40);
  });
});

describe("a clone", () => {
  it("has its sent edits answered under the old id and goes on under a new one", async () => {
    const server = new ModelServer();
    const store = new MemoryStore();
    const ada = await connected(server, "ada", store);
    await ada.create(room("Kitchen"));
    await ada.settled(within());
    await ada.disconnect();
    server.sessionKeys.set("ada", ["somebody", "else"]);
    await ada.create(room("Bath"));
    ada.connect();
    await ada.until(() => ada.deviceId !== "ada", within());
    await ada.settled(within());
    expect(ada.deviceId).toMatch(/^ada\.[0-9a-f]{8}$/);
    const devices = server.pushes.map(({ device: id }) => id);
    expect(devices).toEqual(["ada", ada.deviceId]);
    expect(server.log.at(-1)?.version).toContain(ada.deviceId);
  });

  it("keeps its id until the base holds what was answered under it: a restore may have to be given that again", async () => {
    const server = new ModelServer();
    const store = new MemoryStore();
    const ada = await connected(server, "ada", store);
    await ada.create(room("Kitchen"));
    await ada.settled(within());
    await ada.disconnect();
    server.sessionKeys.set("ada", ["somebody", "else"]);
    await ada.create(room("Bath"));
    const shower = await ada.create(room("Shower"));
    const publish = server.publish.bind(server);
    server.publish = () => undefined;
    const disk = await store.load();
    for (const edit of disk.edits)
      await store.apply({ ...NO_CHANGE, putEdits: [{ ...edit, state: { kind: "sent" } }] });
    const reborn = await device(server, "ada", store);
    const unheldWhenLeft: number[] = [];
    reborn.onState(({ deviceId, unheldEdits }) => {
      if (deviceId !== "ada") unheldWhenLeft.push(unheldEdits);
    });
    reborn.connect();
    await reborn.until(({ pendingEdits, unheldEdits }) => pendingEdits === 0 && unheldEdits === 2, within());
    publish();
    await reborn.until(({ deviceId }) => deviceId !== "ada", within());
    expect(unheldWhenLeft[0]).toBe(0);
    expect(reborn.get(shower)).toMatchObject({ name: "Shower" });
  });

  it("without history only raises its counter", async () => {
    const server = new ModelServer();
    const first = await connected(server, "panel");
    await first.create(room("Kitchen"));
    await first.settled(within());
    await first.disconnect();
    const second = await connected(server, "panel");
    await second.create(room("Bath"));
    await second.settled(within());
    expect(second.deviceId).toBe("panel");
    expect(server.log.at(-1)?.version).toContain("-panel-000002");
  });

  it("that the server takes for its original does not send under that one's name what waits on its older disk", async () => {
    const server = new ModelServer();
    const store = new MemoryStore();
    const backup = new MemoryStore();
    const ada = await connected(server, "ada", store);
    await ada.disconnect();
    const kitchen = await ada.create(room("Kitchen"));
    const { meta, records, edits } = await store.load();
    await backup.apply({ ...NO_CHANGE, meta, putRecords: [...records], putEdits: [...edits] });
    await ada.update(kitchen, { floor: 2 });
    ada.connect();
    await ada.settled(within());
    server.sessionKeys.delete("ada");
    const reborn = await device(server, "ada", backup);
    reborn.connect();
    await reborn.settled(within());
    expect(reborn.deviceId).toMatch(/^ada\.[0-9a-f]{8}$/);
    expect(server.pushes.map(({ device: id }) => id)).toEqual(["ada", reborn.deviceId]);
  });

  it("that is refused under its old name while its disk is full takes the new one once there is room", async () => {
    const server = new ModelServer();
    const disk = new FullableStore();
    const ada = await connected(server, "ada", disk);
    disk.isFull = true;
    for (const session of server.sessions) session.say({ case: "goAway", value: { reason: GoAwayReason.FORKED } });
    await ada.until(({ error }) => error?.reason === "STORE_FULL", within());
    expect(ada.deviceId).toBe("ada");
    disk.isFull = false;
    ada.retryNow();
    await ada.settled(within());
    for (const session of server.sessions) session.say({ case: "goAway", value: { reason: GoAwayReason.FORKED } });
    await ada.until(({ deviceId }) => deviceId !== "ada", within());
    await ada.settled(within());
  });

  it("found out by a version that was used before loses nothing", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    server.rules.reject = ({ version }) => (version.includes("Z-ada-0") ? "VERSION_REUSED" : undefined);
    await ada.create(room("Kitchen"));
    await ada.until(() => ada.deviceId !== "ada", within());
    await ada.settled(within());
    expect([...server.heads.values()]).toHaveLength(1);
    expect(ada.deadLetters()).toEqual([]);
    expect(server.pushes.map(({ device: id }) => id)).toEqual(["ada", ada.deviceId]);
  });
});

describe("rejected edits", () => {
  it("are shown to the user with the reason and leave the graph", async () => {
    const server = new ModelServer();
    server.rules.reject = (change) => (change.content.value?.type === 2 ? "NO_ROOMS" : undefined);
    const ada = await connected(server, "ada");
    await ada.create(room("Kitchen"));
    await ada.until(({ deadLetters }) => deadLetters === 1, within());
    expect(roomNames(ada)).toEqual([]);
    const [letter] = ada.deadLetters();
    expect(letter?.state).toMatchObject({ kind: "dead", rejection: { reason: "NO_ROOMS" } });
    expect(letter === undefined ? false : await ada.discard(letter.version)).toBe(true);
    expect(ada.state.deadLetters).toBe(0);
  });
});

describe("edges", () => {
  it("are hidden while an end is missing or deleted", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    const kitchen = await ada.create(room("Kitchen"));
    const lamp = await ada.create({ type: "device", body: { name: "Lamp" } });
    const edge = await ada.relate({ type: "located_in", from: lamp, to: kitchen });
    await ada.settled(within());
    expect(ada.graph.devicesIn(kitchen).map(({ name }) => name)).toEqual(["Lamp"]);
    await ada.remove(kitchen);
    expect(ada.get(edge)).toBeUndefined();
    expect(ada.graph.neighbours(lamp)).toEqual([]);
    await ada.settled(within());
    expect(server.heads.get(edge)?.deleted).toBe(false);
  });

  it("between kinds that may not be connected so are refused at once", async () => {
    const server = new ModelServer();
    const ada = await device(server, "ada");
    const kitchen = await ada.create(room("Kitchen"));
    const bath = await ada.create(room("Bath"));
    await expect(ada.relate({ type: "controls", from: kitchen, to: bath })).rejects.toThrow("a room");
  });

  it("to what was withdrawn before it was sent, or rejected, are refused at once instead of waiting for it", async () => {
    const server = new ModelServer();
    const kitchen = "01930000-0000-7000-8000-00000000000b";
    server.rules.reject = ({ recordId }) => (recordId === kitchen ? "NO_ROOMS" : undefined);
    const ada = await device(server, "ada");
    const lamp = await ada.create({ type: "device", body: { name: "Lamp" } });
    const plug = await ada.create({ type: "device", body: { name: "Plug" } });
    await ada.create({ ...room("Kitchen"), id: kitchen });
    const edge = await ada.relate({ type: "controls", from: plug, to: lamp });
    const hub = await ada.create({ type: "device", body: { name: "Hub" } });
    await ada.remove(hub);
    ada.connect();
    await ada.until(({ deadLetters }) => deadLetters === 1, within());

    for (const gone of [hub, kitchen]) {
      const unknown = { kind: "failed-precondition", reason: "ENDPOINT_UNKNOWN" };
      await expect(ada.relate({ type: "controls", from: lamp, to: gone })).rejects.toMatchObject(unknown);
      await expect(ada.edit((editor) => editor.redirect(edge, { to: gone }))).rejects.toMatchObject(unknown);
    }
    await ada.settled(within());
  });
});
