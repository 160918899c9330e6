import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrowserClientOptions, openBrowserClient } from "./browser-client.ts";
import type { Client } from "./client.ts";
import { type NodeClientOptions, openNodeClient } from "./node-client.ts";
import { within } from "./testing/scenario.ts";
import { type ServedModel, serveModel } from "./testing/served-model.ts";

let served: ServedModel;
beforeAll(async () => {
  served = await serveModel();
});
afterAll(() => served[Symbol.asyncDispose]());

type Open = (options: NodeClientOptions & BrowserClientOptions) => Promise<Client>;
const transports: readonly (readonly [string, Open])[] = [
  ["native gRPC", openNodeClient],
  ["Connect over fetch", openBrowserClient],
];

describe.each(transports)("a client over %s", (name, open) => {
  const deviceId = name.replaceAll(" ", "-");

  it("pushes, and receives live what others push", async () => {
    const { url } = served;
    await using ada = await open({ url, token: () => "good", deviceId });
    await using ben = await openNodeClient({ url, token: () => "good", deviceId: `${deviceId}-ben` });
    ada.connect();
    ben.connect();
    const id = await ada.create({ type: "room", body: { name: "Kitchen" } });
    await ada.settled(within());
    await ben.until(() => ben.graph.entity(id) !== undefined, within());
    await ben.update(id, { floor: 2 });
    await ben.settled(within());
    await ada.until(() => ada.graph.entity(id)?.body.floor === 2, within());
    expect(ada.digest).toBe(served.model.digest);
    expect(ben.digest).toBe(served.model.digest);
  });

  it("pulls a backlog of many pages", async () => {
    const { url } = served;
    await using ada = await open({ url, token: () => "good", deviceId });
    await ada.edit((editor) => {
      for (let index = 0; index < 200; index++) editor.create({ type: "room", body: { name: `Room ${index}` } });
    });
    ada.connect();
    await ada.settled(within());
    await using ben = await open({ url, token: () => "good", deviceId: `${deviceId}-new` });
    ben.connect();
    await ben.settled(within());
    expect(ben.digest).toBe(served.model.digest);
  });

  it("comes back by itself when the session breaks", async () => {
    await using ada = await open({ url: served.url, token: () => "good", deviceId, random: () => 0 });
    ada.connect();
    await ada.settled(within());
    for (const session of served.model.sessions) session.cut();
    await ada.until(({ phase }) => phase !== "live", within());
    await ada.create({ type: "room", body: { name: "Attic" } });
    await ada.settled(within());
  });

  it("says why it waits when the token does not verify", async () => {
    await using ada = await open({ url: served.url, token: () => "bad", deviceId, random: () => 0.5 });
    ada.connect();
    const state = await ada.until(({ error }) => error !== undefined, within());
    expect(state.error).toEqual({ reason: "TOKEN_INVALID", message: expect.stringContaining("does not verify") });
  });

  it("waits for a server that is not there, and leaves nothing behind", async () => {
    await using ada = await open({ url: "http://127.0.0.1:9", token: () => "good", deviceId, random: () => 0.5 });
    ada.connect();
    const state = await ada.until(({ phase }) => phase === "waiting", within());
    expect(state.error).toEqual({
      reason: "UNAVAILABLE",
      // fetch does not even try some ports.
      message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:9 cannot be reached: (?:connect ECONNREFUSED|bad port)/),
    });
  });
});
