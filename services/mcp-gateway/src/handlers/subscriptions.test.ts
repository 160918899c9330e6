import { randomBytes } from "node:crypto";
import { Client, type McpSubscription, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type EndpointUnderTest,
  type EndpointUnderTestOptions,
  REVISIONS,
  type Revision,
  startEndpoint,
} from "../testing/endpoint-under-test.ts";
import { FakePeers } from "../testing/fake-changes.ts";

let endpoint: EndpointUnderTest;
beforeAll(async () => {
  endpoint = await startEndpoint();
});
afterAll(() => endpoint[Symbol.asyncDispose]());
/** Of each test its own, so that the listeners of another one, who may be just leaving, are not taken for its. */
let household: string;
let tests = 0;
beforeEach(() => {
  endpoint.home.clear();
  household = `villa-${++tests}`;
});

/** A client that hears of these resources, and what it has heard. */
async function listener(revision: Revision, uris: readonly string[], { of = household, at = endpoint } = {}) {
  const client = await at.connect(`guest~ada~${of}`, revision);
  const heard: string[] = [];
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri));
  let subscription: McpSubscription | undefined;
  if (revision === "2026-07-28") subscription = await client.listen({ resourceSubscriptions: [...uris] });
  else for (const uri of uris) await client.subscribeResource({ uri });
  // A client of 2025-11-25 opens its stream by itself and does not say when that is done.
  await expect.poll(() => at.changes.watched).toContain(of);
  return { client, heard, subscription };
}

const HOME = "funkygibbon://home";

describe.each(REVISIONS)("a subscription in %s", (revision) => {
  it("tells of the resources that a commit touched, and of no others", async () => {
    const [lamp, fridge] = [endpoint.home.add("device", "Lamp"), endpoint.home.add("device", "Fridge")];
    const lampUri = `funkygibbon://entity/${lamp.id}`;
    const { heard, client } = await listener(revision, [lampUri]);
    endpoint.changes.commit(household, [fridge.id]);
    endpoint.changes.commit(household, [lamp.id]);
    await expect.poll(() => heard).toEqual([lampUri]);
    await client.close();
  });

  it("to a room or the home tells of anything that may show there", async () => {
    const room = endpoint.home.add("room", "Kitchen");
    const uris = [HOME, `funkygibbon://room/${room.id}`];
    const { heard, client } = await listener(revision, uris);
    endpoint.changes.commit(household, [endpoint.home.add("device", "Lamp").id]);
    await expect.poll(() => [...heard].sort()).toEqual([...uris].sort());
    await client.close();
  });

  it("tells of everything when it is not known what a commit touched", async () => {
    const uri = `funkygibbon://entity/${endpoint.home.add("device", "Lamp").id}`;
    const { heard, client } = await listener(revision, [uri]);
    endpoint.changes.commit(household);
    await expect.poll(() => heard).toEqual([uri]);
    await client.close();
  });

  it("tells nothing of another household", async () => {
    const { heard, client } = await listener(revision, [HOME]);
    const castle = `castle-${tests}`;
    const others = await listener(revision, [HOME], { of: castle });
    endpoint.changes.commit(castle);
    await expect.poll(() => others.heard).toEqual([HOME]);
    expect(heard).toEqual([]);
    await Promise.all([client.close(), others.client.close()]);
  });

  it("is over when the client goes, and its household is watched no more", async () => {
    const { client } = await listener(revision, [HOME]);
    await client.close();
    await expect.poll(() => endpoint.changes.watched).not.toContain(household);
  });

  it("is over when the token expires", async () => {
    await using short = await startEndpoint({ tokenLifeMs: 1_500 });
    await listener(revision, [HOME], { at: short });
    await expect.poll(() => short.changes.watched).toEqual([]);
  });

  it("does not keep a server from going away", async () => {
    await using leaving = await startEndpoint();
    const { subscription } = await listener(revision, [HOME], { at: leaving });
    await leaving.drain();
    expect(leaving.changes.watched).toEqual([]);
    if (subscription !== undefined) expect(await subscription.closed).toBe("graceful");
  });
});

describe("how many may listen", () => {
  const limits = { perUser: 2, total: 3 };
  const open = (token: string, at: EndpointUnderTest) => {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const params = { notifications: { resourceSubscriptions: [HOME] }, _meta: meta };
    return fetch(at.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        authorization: `Bearer ${token}`,
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "subscriptions/listen",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params }),
    });
  };

  it("is limited for a user and in all, with a reason", async () => {
    await using narrow = await startEndpoint({ listenerLimits: limits });
    for (const token of ["guest~ada", "guest~ada"]) {
      expect((await open(token, narrow)).headers.get("content-type")).toBe("text/event-stream");
    }
    const third = await (await open("guest~ada", narrow)).json();
    expect(third.error.message).toBe("You have 2 listeners, which is all that one user may have: close one first");
    await open("guest~ben", narrow);
    const fourth = await (await open("guest~cleo", narrow)).json();
    expect(fourth.error.message).toBe("This server has 3 listeners, which is all it takes: try again later");
  });

  it("is limited for clients of 2025-11-25 as well, which then go on without", async () => {
    await using narrow = await startEndpoint({ listenerLimits: { perUser: 1, total: 1 } });
    await listener("2025-11-25", [HOME], { at: narrow });
    const second = await narrow.connect("guest", "2025-11-25");
    expect((await second.listTools()).tools.length).toBeGreaterThan(0);
  });
});

describe("a client of 2025-11-25 whose requests come to two replicas", () => {
  /** Sends every other request to the other replica, as a load balancer may; the first goes to the first. */
  async function spread(options: EndpointUnderTestOptions = {}) {
    const shared = { peers: new FakePeers(), stateKey: randomBytes(32), ...options };
    const first = await startEndpoint(shared);
    const second = await startEndpoint({ ...shared, home: first.home });
    let turn = 0;
    const client = new Client(
      { name: "Spread Assistant", version: "1" },
      { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: "legacy" } },
    );
    const transport = new StreamableHTTPClientTransport(first.url, {
      authProvider: { token: async () => "member" },
      fetch: (_url, init) => fetch(turn++ % 2 === 0 ? first.url : second.url, init),
    });
    await client.connect(transport);
    return {
      first,
      second,
      client,
      async [Symbol.asyncDispose]() {
        await client.close();
        await first[Symbol.asyncDispose]();
        await second[Symbol.asyncDispose]();
      },
    };
  }

  it("hears of what it subscribed to on the other one", async () => {
    await using house = await spread();
    const heard: string[] = [];
    house.client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.push(params.uri));
    // One of the two requests comes to the replica that the client does not listen to.
    await house.client.subscribeResource({ uri: HOME });
    await house.client.subscribeResource({ uri: "funkygibbon://other" });
    await expect.poll(() => [...house.first.changes.watched, ...house.second.changes.watched]).toEqual(["villa"]);
    for (const replica of [house.first, house.second]) replica.changes.commit("villa");
    await expect.poll(() => heard).toEqual([HOME]);
    await house.client.unsubscribeResource({ uri: HOME });
    for (const replica of [house.first, house.second]) replica.changes.commit("villa");
    await house.client.ping();
    expect(heard).toEqual([HOME]);
  });

  it("answers a question that the other one has asked", async () => {
    await using house = await spread();
    const lamps = [house.first.home.add("device", "Lamp 1"), house.first.home.add("device", "Lamp 2")];
    house.client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: {} }));
    for (const lamp of lamps) {
      const result = await house.client.callTool({ name: "delete_entity", arguments: { entity_id: lamp.id } });
      expect(result.isError).toBeUndefined();
      await house.client.ping();
    }
    expect(lamps.filter(({ id }) => house.first.home.entities.has(id))).toEqual([]);
  });
});
