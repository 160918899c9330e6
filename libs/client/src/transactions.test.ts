import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@funkygibbon/kernel/json";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemoryStore } from "./memory-store.ts";
import { openNodeClient } from "./node-client.ts";
import { SqliteStore } from "./sqlite-store.ts";
import type { StoreBatch } from "./store.ts";
import { storeFull } from "./store-error.ts";
import { ModelServer } from "./testing/model-server.ts";
import { clientOf, clientPen, room, roomNames, within } from "./testing/scenario.ts";

const { adopt, device, connected, closeAll } = clientPen();
afterEach(closeAll);

/** A disk that is slow, and full while one says so. */
class SlowStore extends MemoryStore {
  isFull = false;
  isOpen = true;

  override async apply(batch: StoreBatch): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (!this.isOpen) throw new Error("the store is closed");
    if (this.isFull) throw storeFull("home", undefined);
    await super.apply(batch);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.isOpen = false;
  }
}

/** All at once, so that none is refused before somebody listens. */
async function expectAllRefused(edits: readonly Promise<unknown>[], reason: string): Promise<void> {
  await Promise.all(edits.map((edit) => expect(edit).rejects.toMatchObject({ reason })));
}

describe("several edits at once", () => {
  it("are none when they wait for something, and say so", async () => {
    const ada = await device(new ModelServer(), "ada");
    const late = Promise.withResolvers<string>();
    const edited = ada.edit(async (editor) => {
      editor.create(room("Attic"));
      await Promise.resolve();
      try {
        editor.create(room("Cellar"));
        late.resolve("edited");
      } catch (error) {
        late.resolve((error as { reason: string }).reason);
        throw error;
      }
    });
    await expect(edited).rejects.toMatchObject({ reason: "EDIT_WAITS" });
    expect(await late.promise).toBe("EDIT_OVER");
    expect(ada.state.pendingEdits).toBe(0);
  });

  it("cannot be added to afterwards", async () => {
    const ada = await device(new ModelServer(), "ada");
    const [editor, id] = await ada.edit((editor) => [editor, editor.create(room("Attic"))] as const);
    const over = expect.objectContaining({ reason: "EDIT_OVER" });
    expect(() => editor.create(room("Cellar"))).toThrow(over);
    expect(() => editor.update(id, { name: "Loft" })).toThrow(over);
    expect(() => editor.remove(id)).toThrow(over);
    expect(roomNames(ada)).toEqual(["Attic"]);
  });
});

describe("an edit that cannot be, as of an app in plain JavaScript,", () => {
  const loop: Record<string, unknown> = {};
  loop.itself = loop;

  it.each([
    ["a body with undefined", { on: undefined }],
    ["a body with a date", { since: new Date(0) }],
    ["a body with a function", { on: () => true }],
    ["a body with a big integer", { level: 1n }],
    ["a body that contains itself", loop],
    ["no body", undefined],
    ["a body with NaN", { level: Number.NaN }],
    ["a body with half a character", { name: "\ud83d" }],
    ["a list for a body", []],
  ])("is refused as invalid: %s", async (_, body) => {
    const ada = await device(new ModelServer(), "ada");
    const id = await ada.create({ type: "device", body: { on: true, since: "", level: 1 } });
    const fitting = body as JsonObject;
    await expect(ada.create({ type: "device", body: fitting })).rejects.toMatchObject({ kind: "invalid" });
    await expect(ada.edit((editor) => editor.replace(id, fitting))).rejects.toMatchObject({ kind: "invalid" });
    expect(ada.get(id)).toMatchObject({ body: { on: true, since: "", level: 1 } });
  });

  // Keys in and out of order are written differently.
  it.each([
    ["a date", { on: true, at: new Date(0) }, "body.at", "a Date is no JSON"],
    ["a promise that nobody awaited", { name: Promise.resolve("Attic") }, "body.name", "a Promise is no JSON"],
    ["a map in a list", { parts: [1, new Map()] }, "body.parts[1]", "a Map is no JSON"],
    ["undefined deep inside", { on: true, how: { far: undefined } }, "body.how.far", "undefined is no JSON"],
    ["a gap in a list", { parts: new Array(1) }, "body.parts[0]", "undefined is no JSON"],
    ["a symbol", { on: Symbol("on") }, "body.on", "a symbol is no JSON"],
    ["a list for a body", [], "body", "must be a JSON object"],
    ["a text for a body", "{}", "body", "must be a JSON object"],
  ])("is refused with the place where it is no JSON: %s", async (_, body, field, description) => {
    const ada = await device(new ModelServer(), "ada");
    const id = await ada.create({ type: "device", body: { name: "Lamp" } });
    const fitting = body as never as JsonObject;
    const refusal = { kind: "invalid", fields: [{ field, description }] };
    await expect(ada.create({ type: "device", body: fitting })).rejects.toMatchObject(refusal);
    await expect(ada.edit((editor) => editor.replace(id, fitting))).rejects.toMatchObject(refusal);
    expect(ada.graph.find().map((entity) => entity.body)).toEqual([{ name: "Lamp" }]);
  });

  it("may say the same thing twice, and be an object without a prototype", async () => {
    const ada = await device(new ModelServer(), "ada");
    const place: JsonObject = Object.assign(Object.create(null), { floor: 2 });
    const id = await ada.create({ type: "device", body: { now: place, before: [place, place] } });
    expect(ada.get(id)).toMatchObject({ body: { now: { floor: 2 }, before: [{ floor: 2 }, { floor: 2 }] } });
  });

  it("is refused as invalid: an update with nothing, or with a text for what is to be set or taken away", async () => {
    const ada = await device(new ModelServer(), "ada");
    const id = await ada.create({ type: "device", body: { on: true, o: 1, n: 1 } });
    for (const no of [undefined, null, "on", ["on"]] as never[]) {
      await expect(ada.update(id, no)).rejects.toMatchObject({ kind: "invalid", fields: [{ field: "patch" }] });
    }
    const remove = "on" as never;
    await expect(ada.update(id, {}, { remove })).rejects.toMatchObject({
      kind: "invalid",
      fields: [{ field: "remove" }],
    });
    expect(ada.get(id)).toMatchObject({ body: { on: true, o: 1, n: 1 } });
  });

  it("is refused as invalid: a type, source or wish that does not exist", async () => {
    const ada = await device(new ModelServer(), "ada");
    const id = await ada.create(room("Attic"));
    for (const no of ["lamp", "__proto__", ""]) {
      const odd = { type: no, source: no, wish: no } as never as Record<"type" | "source" | "wish", never>;
      const edits = [
        ada.create({ type: odd.type, body: {} }),
        ada.relate({ type: odd.type, from: id, to: id }),
        ada.create({ type: "room", body: {}, source: odd.source }),
        ada.update(id, { name: "Loft" }, { wish: odd.wish }),
        ada.edit((editor) => editor.remove(id, { source: odd.source })),
      ];
      await expectAllRefused(edits, "INVALID_FIELD");
    }
    expect(roomNames(ada)).toEqual(["Attic"]);
  });
});

describe("undo", () => {
  it("takes back what is still on its way to the disk, each call one edit more", async () => {
    const ada = adopt(await clientOf(new ModelServer(), { deviceId: "ada", store: new SlowStore() }));
    const id = await ada.create(room("Attic"));
    await ada.update(id, { name: "Loft" });
    const edited = ada.update(id, { name: "Studio" });
    expect(await ada.undo()).toBe(true);
    await edited;
    expect(roomNames(ada)).toEqual(["Loft"]);
    expect(await Promise.all([ada.undo(), ada.undo(), ada.undo()])).toEqual([true, true, false]);
    expect(roomNames(ada)).toEqual([]);
  });

  it("takes back ten thousand edits of one transaction that nobody has heard of", async () => {
    const ada = await device(new ModelServer(), "ada");
    await ada.edit((editor) => {
      const attic = editor.create(room("Attic"));
      for (let n = 0; n < 5_000; n++) {
        const lamp = editor.create({ type: "device", body: { name: `Lamp ${n}` } });
        editor.relate({ type: "located_in", from: lamp, to: attic });
      }
    });
    expect(await ada.undo()).toBe(true);
    expect(ada.state.pendingEdits).toBe(0);
    expect(ada.graph.find()).toEqual([]);
  });

  it("that finds the disk full can be asked for again", async () => {
    const store = new SlowStore();
    const ada = adopt(await clientOf(new ModelServer(), { deviceId: "ada", store }));
    await ada.create(room("Attic"));
    store.isFull = true;
    await expect(ada.undo()).rejects.toMatchObject({ reason: "STORE_FULL" });
    await expect(ada.create(room("Cellar"))).rejects.toMatchObject({ reason: "STORE_FULL" });
    store.isFull = false;
    expect(roomNames(ada)).toEqual(["Attic"]);
    expect(await ada.undo()).toBe(true);
    expect(roomNames(ada)).toEqual([]);
    expect(await ada.undo()).toBe(false);
  });

  it("is refused to who has become a guest", async () => {
    const server = new ModelServer();
    const ada = await connected(server, "ada");
    await ada.create(room("Attic"));
    await ada.settled(within());
    await ada.disconnect();
    server.role = "guest";
    ada.connect();
    await ada.until(({ role }) => role === "guest", within());
    await expect(ada.undo()).rejects.toMatchObject({ reason: "READ_ONLY_ROLE" });
    expect(ada.state.pendingEdits).toBe(0);
  });
});

describe("a client that cannot be opened", () => {
  it.each(["nowhere", "localhost:4402", undefined as never as string])(
    "with %s for an address is refused as invalid, and does not keep its file from being opened",
    async (url) => {
      const folder = mkdtempSync(join(tmpdir(), "refused-"));
      const options = { file: join(folder, "home.db"), token: () => "token" };
      try {
        const refusal = { kind: "invalid", message: expect.stringContaining("http://127.0.0.1:4402") };
        await expect(openNodeClient({ ...options, url })).rejects.toMatchObject(refusal);
        await expect(openNodeClient({ ...options, url: "http://a", deviceId: "" })).rejects.toThrow("device_id");
        await using ada = await openNodeClient({ ...options, url: "http://127.0.0.1:4402" });
        expect(ada.state.phase).toBe("offline");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});

describe("a client of an app in plain JavaScript", () => {
  const url = "http://127.0.0.1:4402";
  const token = () => "token";

  it.each<[string, object, string]>([
    ["no token", { url }, "token: must be a function that gives a token"],
    ["a token instead of a function", { url, token: "token" }, "token: must be a function that gives a token"],
    [
      "another client's option",
      { url, token, database: "home" },
      "database: is no option; there are url, file, token,",
    ],
    ["a misspelt option", { url, token, deviceID: "ada" }, "deviceID: is no option"],
    ["a number for a file", { url, token, file: 7 }, "file: must be a path"],
    ["no address of the store", { url, token, graphUrl: "localhost:4401" }, "graphUrl: localhost:4401 is no address"],
    ["nothing", {}, "url: undefined is no address"],
  ])("is not opened with %s, which would show only later", async (_, options, message) => {
    const opened = openNodeClient(options as never);
    await expect(opened).rejects.toMatchObject({ kind: "invalid", message: expect.stringContaining(message) });
  });

  it("may say undefined for what it does not want", async () => {
    await using ada = await openNodeClient({ url, token, file: undefined, graphUrl: undefined } as never);
    expect(ada.state.phase).toBe("offline");
  });
});

it.each(["server", "API", "mcp.1", "merge.0192f3b0", "", "a b"])(
  "a client cannot be opened under %j, as which it could never sync what is edited",
  async (deviceId) => {
    await expect(clientOf(new ModelServer(), { deviceId })).rejects.toMatchObject({ kind: "invalid" });
  },
);

describe("a client that is closed", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "closed-"));
    return () => rmSync(folder, { recursive: true, force: true });
  });

  it("has kept every edit that was made before", async () => {
    const store = new SlowStore();
    const ada = await clientOf(new ModelServer(), { deviceId: "ada", store });
    ada.connect();
    const edits = ["Attic", "Cellar", "Hall"].map((name) => ada.create(room(name)));
    await ada[Symbol.asyncDispose]();
    await Promise.all(edits);
    expect([...(await store.load()).edits]).toHaveLength(3);
  });

  it.each([
    ["a file", () => SqliteStore.open(join(folder, "home.db"))],
    ["memory", () => new MemoryStore()],
  ])("with its replica in %s takes no more, says so, and still answers", async (_, open) => {
    const ada = await clientOf(new ModelServer(), { deviceId: "ada", store: open() });
    const id = await ada.create(room("Attic"));
    await ada[Symbol.asyncDispose]();
    await ada[Symbol.asyncDispose]();
    await expectAllRefused([ada.create(room("Cellar")), ada.update(id, { name: "Loft" }), ada.undo()], "CLIENT_CLOSED");
    expect(() => ada.connect()).toThrow(expect.objectContaining({ reason: "CLIENT_CLOSED" }));
    expect(roomNames(ada)).toEqual(["Attic"]);
    expect(ada.state.phase).toBe("offline");
  });

  it("takes no more from the moment on when it is asked to close", async () => {
    const store = new SlowStore();
    const ada = await clientOf(new ModelServer(), { deviceId: "ada", store });
    ada.connect();
    const before = ada.create(room("Attic"));
    const closing = ada[Symbol.asyncDispose]();
    expect(() => ada.connect()).toThrow(expect.objectContaining({ reason: "CLIENT_CLOSED" }));
    const late = ada.create(room("Cellar"));
    await expectAllRefused([late, ada.undo(), ada.discard("none" as never)], "CLIENT_CLOSED");
    await Promise.all([before, closing]);
    expect([...(await store.load()).edits]).toHaveLength(1);
    expect(ada.state.phase).toBe("offline");
  });

  it("lets nobody wait for what cannot come any more", async () => {
    const ada = await clientOf(new ModelServer(), { deviceId: "ada" });
    const settled = ada.settled(within());
    const live = ada.until(({ phase }) => phase === "live");
    const refused = expectAllRefused([settled, live], "CLIENT_CLOSED");
    await ada[Symbol.asyncDispose]();
    await refused;
    await expectAllRefused([ada.settled(), ada.settled(within())], "CLIENT_CLOSED");
  });

  it("ends as whoever waits for its end expects", async () => {
    const ada = await clientOf(new ModelServer(), { deviceId: "ada" });
    ada.connect();
    await ada.settled(within());
    const offline = ada.until(({ phase }) => phase === "offline", within());
    await ada[Symbol.asyncDispose]();
    expect((await offline).phase).toBe("offline");
    expect((await ada.until(({ phase }) => phase === "offline")).phase).toBe("offline");
  });
});
