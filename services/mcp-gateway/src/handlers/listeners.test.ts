import { randomBytes, randomUUID } from "node:crypto";
import { systemClock } from "@funkygibbon/kernel/clock";
import type { Identity } from "@funkygibbon/kernel/identity";
import { parseHouseholdId, parseUserId } from "@funkygibbon/kernel/ids";
import { describe, expect, it } from "vitest";
import { FakeChanges } from "../testing/fake-changes.ts";
import { FakeHome } from "../testing/fake-home.ts";
import { toAuthInfo } from "./caller.ts";
import { LegacyListening } from "./legacy-listening.ts";
import { LegacySubscriptions } from "./legacy-subscriptions.ts";
import { Listeners, MAX_SUBSCRIPTIONS } from "./listeners.ts";
import { mcpServerFactory } from "./mcp-server.ts";
import { ModernListening } from "./modern-listening.ts";
import { homeResources } from "./resources/home-resources.ts";

const CLIENTS = 200;
const COMMITS = 1_000;
const uris = Array.from({ length: 20 }, () => `funkygibbon://entity/${randomUUID()}`);

function identity(number: number): Identity {
  return {
    household: parseHouseholdId("villa"),
    user: parseUserId(`user-${number % 20}`),
    role: "guest",
    scopes: [],
    device: undefined,
    expiresAt: systemClock.now() + 60_000_000,
    client: undefined,
  };
}

function modern(listeners: Listeners) {
  const factory = mcpServerFactory({
    tools: [],
    resources: homeResources,
    prompts: [],
    ports: new FakeHome(),
    version: "0.0.0",
    readOnly: true,
    stateKey: randomBytes(32),
    onToolCall: () => {},
  });
  const listening = new ModernListening(factory, listeners);
  const listen = (number: number) => {
    const message = {
      id: number,
      method: "subscriptions/listen" as const,
      params: { notifications: { resourceSubscriptions: uris } },
    };
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const parsedBody = { jsonrpc: "2.0", ...message, params: { ...message.params, _meta: meta } };
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": message.method,
    };
    const request = new Request("http://localhost/mcp", { method: "POST", headers });
    const inputs = { parsedBody, authInfo: toAuthInfo(identity(number), "http://localhost/metadata") };
    return listening.serve(message, identity(number), { request, inputs });
  };
  return { listen, close: () => listening.close() };
}

function legacy(listeners: Listeners) {
  const subscriptions = new LegacySubscriptions();
  const listening = new LegacyListening(listeners, subscriptions);
  const listen = (number: number) => {
    const session = { ...identity(number), id: `session-${number}` };
    for (const uri of uris) subscriptions.add(session, uri);
    const request = new Request("http://localhost/mcp", { headers: { accept: "text/event-stream" } });
    return listening.serve(request, session, identity(number));
  };
  return { listen, close: async () => listening.close() };
}

/** What is left to read of a response that is over. */
async function framesIn(response: Response): Promise<string[]> {
  const text = await response.text();
  return text.split("\n\n").filter((frame) => frame.includes("notifications/resources/updated"));
}

describe.each([
  ["2026-07-28", modern],
  ["2025-11-25", legacy],
])("%s", (_revision, serve) => {
  it(`keeps next to nothing for ${CLIENTS} listeners that do not read`, async () => {
    const changes = new FakeChanges();
    let counted = 0;
    const onListening = (change: number) => {
      counted += change;
    };
    const listeners = new Listeners({ changes, limits: { perUser: 10, total: CLIENTS }, onListening });
    const { listen, close } = serve(listeners);
    const responses = await Promise.all(Array.from({ length: CLIENTS }, (_, number) => listen(number)));
    expect([listeners.size, counted]).toEqual([CLIENTS, CLIENTS]);
    for (let commits = 0; commits < COMMITS; commits++) changes.commit("villa");
    await close();
    const frames = await Promise.all(responses.map(framesIn));
    // Of a thousand commits, no more is kept for each than one notice of each resource.
    for (const kept of frames) expect(kept.length).toBeLessThanOrEqual(uris.length);
    expect([listeners.size, counted]).toEqual([0, 0]);
    expect(changes.watched).toEqual([]);
  });
});

it("refuses a listener with more resources than one may hear of", async () => {
  const session = { ...identity(1), id: "session" };
  const subscriptions = new LegacySubscriptions();
  const added = Array.from({ length: MAX_SUBSCRIPTIONS + 1 }, (_, n) =>
    subscriptions.add(session, `funkygibbon://${n}`),
  );
  expect(added.filter((taken) => taken)).toHaveLength(MAX_SUBSCRIPTIONS);
  expect(subscriptions.add(session, "funkygibbon://0")).toBe(true);
});

it("forgets the session that was used longest ago when there are too many", () => {
  const subscriptions = new LegacySubscriptions();
  const session = (n: number) => ({ ...identity(0), id: `session-${n}` });
  for (let n = 0; n <= 2_000; n++) subscriptions.add(session(n), "funkygibbon://home");
  expect([...subscriptions.of(session(0))]).toEqual([]);
  expect([...subscriptions.of(session(1))]).toEqual(["funkygibbon://home"]);
});
