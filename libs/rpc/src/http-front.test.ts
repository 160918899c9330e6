import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { type EchoSystem, startEcho } from "../test-proto/echo-system.ts";

async function get(system: EchoSystem, path: string, headers: Record<string, string> = {}, method = "GET") {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const request = httpRequest(`${system.server.url}${path}`, { method, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.on("error", reject);
    request.end(method === "POST" ? "{}" : undefined);
  });
}

describe("HTTP/1.1", () => {
  it.each([
    ["application/proto", Buffer.from([0xff, 0xff])],
    ["application/json", Buffer.from("{not json")],
    ["application/json", Buffer.from('{"text": 5}')],
  ])("answers INVALID_ARGUMENT to a body that is no message (%s)", async (type, body) => {
    await using system = await startEcho();
    const response = await fetch(`${system.server.url}/funkygibbon.rpctest.v1.EchoService/Echo`, {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: "invalid_argument",
      details: [{ type: "google.rpc.ErrorInfo", debug: { reason: "MALFORMED_MESSAGE" } }],
    });
    expect(system.logLines().filter(({ msg }) => msg === "rpc.finished")).toMatchObject([{ code: "INVALID_ARGUMENT" }]);
  });

  it("says that a bidirectional stream needs HTTP/2", async () => {
    await using system = await startEcho();
    const response = await fetch(`${system.server.url}/funkygibbon.rpctest.v1.EchoService/Chat`, {
      method: "POST",
      headers: { "content-type": "application/connect+json" },
      body: Buffer.alloc(0),
    });
    expect(await response.text()).toMatch(/unimplemented.*needs HTTP\/2/s);
  });

  it("answers 404 to an unknown path", async () => {
    await using system = await startEcho();
    expect((await get(system, "/nothing")).status).toBe(404);
  });

  it("serves a Host on the list and no other", async () => {
    await using local = await startEcho();
    expect((await get(local, "/nothing", { host: "localhost:9" })).status).toBe(404);
    expect((await get(local, "/nothing", { host: "evil.test" })).status).toBe(403);
    await using named = await startEcho({ allowedHosts: ["home.example", "store:4401"] });
    expect((await get(named, "/nothing", { host: "home.example:80" })).status).toBe(404);
    expect((await get(named, "/nothing", { host: "store:4401" })).status).toBe(404);
    expect((await get(named, "/nothing", { host: "store:4402" })).status).toBe(403);
    expect((await get(named, "/nothing", { host: "localhost" })).status).toBe(403);
    expect((await get(named, "/livez", { host: "10.1.2.3:4401" })).status).toBe(200);
  });

  it("lets pages of an Origin on the list call, and no other", async () => {
    await using system = await startEcho({ corsOrigins: ["https://console.example"] });
    const path = "/funkygibbon.rpctest.v1.EchoService/Echo";
    const preflight = { "access-control-request-method": "POST" };
    const allowed = await get(system, path, { origin: "https://console.example", ...preflight }, "OPTIONS");
    expect(allowed.status).toBe(204);
    expect(allowed.headers["access-control-allow-origin"]).toBe("https://console.example");
    expect(allowed.headers["access-control-allow-headers"]).toContain("Authorization");
    const refused = await get(system, path, { origin: "https://evil.test", ...preflight }, "OPTIONS");
    expect(refused.status).toBe(403);
    expect(refused.headers["access-control-allow-origin"]).toBeUndefined();
    const called = { "content-type": "application/json" };
    expect((await get(system, path, { ...called, origin: "https://evil.test" }, "POST")).status).toBe(403);
    expect((await get(system, path, { ...called, origin: "null" }, "POST")).status).toBe(403);
    expect(system.journal.calls).toHaveLength(0);
    expect((await get(system, path, { ...called, origin: "https://console.example" }, "POST")).status).toBe(200);
  });

  it("serves further routes, and survives one that fails", async () => {
    await using system = await startEcho({
      httpRoutes: {
        "/mcp": (_request, response) => void response.end("mcp"),
        "/broken": async () => {
          throw new Error("secret");
        },
      },
    });
    expect((await get(system, "/mcp?session=1")).body).toBe("mcp");
    const broken = await get(system, "/broken");
    expect([broken.status, broken.body]).toEqual([500, '{"error":"internal error"}']);
  });

  it("shows probes states only", async () => {
    await using system = await startEcho();
    let databaseAway = false;
    system.health.addReadinessCheck("database", async () => {
      if (databaseAway) throw new Error("password hunter2");
    });
    expect((await get(system, "/readyz")).status).toBe(200);
    databaseAway = true;
    const health = await get(system, "/healthz");
    expect([health.status, JSON.parse(health.body)]).toEqual([
      503,
      { state: "serving", ready: false, checks: { database: "failing" } },
    ]);
    expect((await get(system, "/readyz")).status).toBe(503);
    expect((await get(system, "/livez")).status).toBe(200);
    expect((await get(system, "/metrics")).body).toContain("process_memory_rss_bytes");
  });

  it("takes an answer to its end before a server that drains closes the connection", async () => {
    const system = await startEcho({ maxMessageBytes: 64 * 1024 * 1024 });
    const text = "x".repeat(32 * 1024 * 1024);
    const body = JSON.stringify({ text });
    const agent = new Agent({ keepAlive: true });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": body.length };
      const url = `${system.server.url}/funkygibbon.rpctest.v1.EchoService/Echo`;
      httpRequest(url, { method: "POST", headers, agent }, resolve).on("error", reject).end(body);
    });
    const left = system.server.drain().then(() => system[Symbol.asyncDispose]());
    let length = 0;
    for await (const chunk of response) length += chunk.length;
    expect(length).toBe(body.length);
    await left;
    agent.destroy();
  });

  it("does not let what a request claims pass for its peer", async () => {
    await using system = await startEcho();
    const path = "/funkygibbon.rpctest.v1.EchoService/Echo";
    await get(system, path, { "content-type": "application/json", "x-funkygibbon-peer": "6.6.6.6:6" }, "POST");
    expect(system.journal.calls[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});
