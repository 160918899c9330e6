import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EndpointUnderTest, REVISIONS, startEndpoint } from "../testing/endpoint-under-test.ts";

let endpoint: EndpointUnderTest;
beforeAll(async () => {
  endpoint = await startEndpoint();
});
afterAll(() => endpoint[Symbol.asyncDispose]());

function post(body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(endpoint.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      authorization: "Bearer member",
      ...headers,
    },
    body,
  });
}

const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "Old Assistant", version: "1" } },
});

describe.each(REVISIONS)("a client of revision %s", (revision) => {
  it("connects, lists the tools and calls one", async () => {
    const lamp = endpoint.home.add("device", `Lamp of ${revision}`);
    const client = await endpoint.connect("member", revision);
    expect(client.getNegotiatedProtocolVersion()).toBe(revision);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toContain("update_entity");
    const result = await client.callTool({ name: "get_entity_details", arguments: { entity: lamp.id } });
    expect(result.isError).toBeUndefined();
    expect(result.structuredContent).toMatchObject({ entity: { id: lamp.id, name: lamp.name } });
  });

  it("is named in what it writes", async () => {
    const client = await endpoint.connect("member", revision);
    await client.callTool({ name: "create_entity", arguments: { type: "note", name: "Milk" } });
    expect(endpoint.home.calls.at(-1)).toMatchObject({
      clientName: "Test Assistant",
      tool: "create_entity",
      identity: { user: "ada", household: "villa" },
    });
  });
});

describe("a caller without a valid token", () => {
  it.each([
    ["no token", {}],
    ["a token that does not verify", { authorization: "Bearer nobody" }],
    ["no bearer scheme", { authorization: "Basic b3duZXI6" }],
  ])("is told where to get one: %s", async (_case, headers) => {
    const response = await fetch(endpoint.url, { method: "POST", headers, body: "{}" });
    expect(response.status).toBe(401);
    const challenge = response.headers.get("www-authenticate");
    expect(challenge).toContain('error="invalid_token"');
    expect(challenge).toContain(`resource_metadata="${endpoint.url.origin}/.well-known/oauth-protected-resource/mcp"`);
    const metadata = await fetch(`${endpoint.url.origin}/.well-known/oauth-protected-resource/mcp`);
    expect(await metadata.json()).toEqual({
      resource: endpoint.url.href,
      authorization_servers: ["https://id.example"],
      scopes_supported: ["home:read", "home:write"],
      bearer_methods_supported: ["header"],
      resource_name: "FunkyGibbon home graph",
    });
  });

  it("is refused with insufficient_scope when the token may not even read", async () => {
    const response = await post(INITIALIZE, { authorization: "Bearer member.write" });
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  });
});

describe("a request from the wrong place", () => {
  it("is refused for a foreign Origin", async () => {
    expect((await post(INITIALIZE, { origin: "https://evil.example" })).status).toBe(403);
    expect((await post(INITIALIZE, { origin: "http://localhost:6274" })).status).toBe(200);
  });

  it("lets a page that may call read the session id and where to get a token", async () => {
    const refused = await post(INITIALIZE, { origin: "http://localhost:6274", authorization: "Bearer nobody" });
    expect(refused.status).toBe(401);
    const exposed = refused.headers.get("access-control-expose-headers")?.toLowerCase();
    expect(exposed).toContain("www-authenticate");
    expect(exposed).toContain("mcp-session-id");
  });

  it("is refused for a foreign Host", async () => {
    const { request } = await import("node:http");
    const status = await new Promise((resolve, reject) => {
      const call = request(endpoint.url, { method: "POST", headers: { host: "evil.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on("error", reject);
      call.end("{}");
    });
    expect(status).toBe(403);
  });
});

describe("what a token may do", () => {
  const WRITES = ["create_entity", "update_entity", "delete_entity", "create_relationship", "sync_now"];

  it("hides writing tools from a guest and refuses them by name", async () => {
    const client = await endpoint.connect("guest");
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toContain("get_devices_in_room");
    expect(names.filter((name) => WRITES.includes(name))).toEqual([]);
    const room = endpoint.home.add("room", "Guest room");
    const result = await client.callTool({ name: "delete_entity", arguments: { entity_id: room.id } });
    expect(result).toMatchObject({ isError: true, _meta: { "funkygibbon.dev/error": { reason: "READ_ONLY" } } });
    expect(endpoint.home.entities.has(room.id)).toBe(true);
  });

  it("asks for more scope before a token for reading writes", async () => {
    const response = await post(
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "sync_now", arguments: {} } }),
      { authorization: "Bearer member.read" },
    );
    expect(response.status).toBe(403);
    const challenge = response.headers.get("www-authenticate");
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="home:read home:write"');
    expect(endpoint.home.syncRequests).toEqual([]);
  });

  it("offers no writing tool at all in read-only mode", async () => {
    await using readOnly = await startEndpoint({ readOnly: true });
    const client = await readOnly.connect("owner");
    expect((await client.listTools()).tools.filter(({ annotations }) => !annotations?.readOnlyHint)).toEqual([]);
    await expect(client.callTool({ name: "create_entity", arguments: { type: "note", name: "x" } })).rejects.toThrow();
  });
});

describe("JSON that would be taken for something else", () => {
  const call = (content: string) =>
    post(
      `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"create_entity","arguments":{"type":"note","name":"n","content":${content}}}}`,
    );

  it.each([
    ["a number that loses digits", '{"serial":12345678901234567890}'],
    ["a key that stands twice", '{"a":1,"a":2}'],
  ])("is refused: %s", async (_case, content) => {
    const before = endpoint.home.entities.size;
    const response = await call(content);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ id: 7, error: { code: -32_600 } });
    expect(endpoint.home.entities.size).toBe(before);
  });

  it("keeps a key named __proto__ as a key like any other", async () => {
    expect((await call('{"__proto__":{"x":1},"constructor":2}')).status).toBe(200);
    const stored = [...endpoint.home.entities.values()].at(-1);
    expect(JSON.stringify(stored?.content)).toBe('{"__proto__":{"x":1},"constructor":2,"name":"n"}');
  });

  it("is many messages in one, which would count as one request", async () => {
    const response = await post(`[${INITIALIZE}]`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: -32_600 } });
  });

  it("is no JSON at all: a parse error", async () => {
    const response = await post("{");
    expect(await response.json()).toMatchObject({ error: { code: -32_700 } });
  });
});

describe("a user who asks too much", () => {
  it("is told in words that a model reads, then to wait by HTTP, and nothing is done", async () => {
    await using busy = await startEndpoint({ requestsPerSecond: 2 });
    const ask = (method: string, params: object, token = "member") =>
      fetch(busy.url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          authorization: `Bearer ${token}`,
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      });
    const write = () => ask("tools/call", { name: "create_entity", arguments: { type: "note", name: "n" } });
    for (let allowed = 0; allowed < 2; allowed++) await (await write()).text();
    const told = await (await write()).text();
    expect(told).toContain('"reason":"RATE_LIMITED"');
    expect(told).toMatch(/Wait 1 s, then call again/);
    const refused = await ask("tools/list", {});
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(await refused.json()).toMatchObject({ id: 1, error: { message: expect.stringContaining("wait 1 s") } });
    expect((await write()).status).toBe(429);
    expect(busy.home.entities.size).toBe(2);
    expect((await ask("tools/list", {}, "member~ben")).status).toBe(200);
  });
});

describe("an endpoint that drains", () => {
  it("finishes what it has begun and refuses what is new", async () => {
    await using draining = await startEndpoint();
    const client = await draining.connect("member");
    await client.listTools();
    await draining.drain();
    const response = await fetch(draining.url, { method: "POST", body: "{}" });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
  });
});
