import { execFile } from "node:child_process";
import { request as httpRequest } from "node:http";
import { promisify } from "node:util";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "@funkygibbon/gen/google/rpc/error_details_pb";
import { credentials, makeClientConstructor } from "@grpc/grpc-js";
import { service as healthDefinition } from "grpc-health-check";
import { describe, expect, it } from "vitest";
import { EchoService } from "../test-proto/echo_pb.ts";
import { type EchoSystem, startEcho, until } from "../test-proto/echo-system.ts";

const TRANSPORTS: Readonly<Record<string, (baseUrl: string) => Transport>> = {
  "Connect, binary": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "Connect, JSON": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "gRPC-Web": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "Connect's own gRPC": (baseUrl) => createGrpcTransport({ baseUrl }),
};

async function connectErrorOf(work: Promise<unknown>): Promise<ConnectError> {
  return work.then(
    () => {
      throw new Error("expected it to fail");
    },
    (error) => ConnectError.from(error),
  );
}

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

describe.each(Object.entries(TRANSPORTS))("%s", (name, transport) => {
  const clientOf = (system: EchoSystem) => createClient(EchoService, transport(system.server.url));

  it("answers, with request id and headers", async () => {
    await using system = await startEcho();
    const seen: Headers[] = [];
    const { text } = await clientOf(system).echo(
      { text: "headers" },
      { headers: { "x-request-id": "r-7" }, onHeader: (headers) => void seen.push(headers) },
    );
    expect(text).toBe("see headers");
    expect(seen[0]?.get("x-request-id")).toBe("r-7");
    expect(seen[0]?.get("x-colour")).toBe("green");
  });

  it("carries error details", async () => {
    await using system = await startEcho();
    const error = await connectErrorOf(clientOf(system).echo({ text: "fail invalid" }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "INVALID_FIELD", domain: "funkygibbon.dev" }]);
    expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
      { field: "text", description: "must be kind" },
    ]);
  });

  it("hides what a bug said", async () => {
    await using system = await startEcho();
    const error = await connectErrorOf(clientOf(system).echo({ text: "bug" }));
    expect(error.code).toBe(Code.Internal);
    expect(error.message).not.toContain("hunter2");
    expect(JSON.stringify(system.logLines())).toContain("hunter2");
  });

  it("refuses who may not call before it reads the body", async () => {
    await using system = await startEcho({ access: "user" });
    const client = clientOf(system);
    const error = await connectErrorOf(client.echo({ text: "who" }));
    expect(error.code).toBe(Code.Unauthenticated);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "UNAUTHENTICATED" }]);
    const { text } = await client.echo({ text: "who" }, { headers: { authorization: "Bearer ada" } });
    expect(text).toBe("ada/-/-");
  });

  it.each(["", "encoded"])("streams (%s)", async (text) => {
    await using system = await startEcho();
    const numbers: number[] = [];
    for await (const { number } of clientOf(system).count({ text, count: 20 })) numbers.push(number);
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it("ends a stream with its status when the handler throws midway", async () => {
    await using system = await startEcho();
    const numbers: number[] = [];
    const error = await connectErrorOf(
      (async () => {
        for await (const { number } of clientOf(system).count({ text: "then fail", count: 2 })) numbers.push(number);
      })(),
    );
    expect(numbers).toEqual([1, 2]);
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(BadRequestSchema)).toHaveLength(1);
  });

  it("ends at the deadline although the handler minds nothing", async () => {
    await using system = await startEcho();
    const before = performance.now();
    const error = await connectErrorOf(clientOf(system).echo({ text: "sleep ignoring the signal" }, { timeoutMs: 80 }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(performance.now() - before).toBeLessThan(700);
    await until(() => system.logLines().some(({ code }) => code === "DEADLINE_EXCEEDED"), "it is logged as such");
  });

  it("tells the handler of a stream that its reader left", async () => {
    await using system = await startEcho();
    const controller = new AbortController();
    const reading = connectErrorOf(
      (async () => {
        for await (const _ of clientOf(system).count({ text: "then wait", count: 1 }, { signal: controller.signal })) {
          controller.abort();
        }
      })(),
    );
    expect((await reading).code).toBe(Code.Canceled);
    await until(() => system.journal.calls[0]?.signal.aborted === true, "the signal aborts");
    await until(() => system.journal.countClosed, "the generator ends");
    await until(() => system.logLines().some(({ code }) => code === "CANCELLED"), "it is logged as such");
  });

  it("refuses a message over the limit", async () => {
    await using system = await startEcho({ maxMessageBytes: 10_000 });
    const error = await connectErrorOf(clientOf(system).echo({ text: "x".repeat(20_000) }));
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "MESSAGE_TOO_LARGE" }]);
    expect(system.journal.calls).toHaveLength(0);
  });

  it("lets streams say go-away while draining and refuses new calls", async () => {
    await using system = await startEcho();
    const client = clientOf(system);
    const numbers: number[] = [];
    const reading = (async () => {
      for await (const { number } of client.count({ text: "then wait", count: 1 })) numbers.push(number);
    })();
    const resting = client.echo({ text: "sleep briefly" });
    await until(() => system.journal.calls.length === 2 && numbers.length === 1, "both calls arrive");
    const drained = system.server.drain();
    expect((await connectErrorOf(client.echo({ text: "late" }))).code).toBe(Code.Unavailable);
    expect((await resting).text).toBe("rested");
    await reading;
    expect(numbers).toEqual([1, -1]);
    await drained;
  });

  it.runIf(name === "Connect's own gRPC")("talks both ways", async () => {
    await using system = await startEcho();
    const texts: string[] = [];
    const requests = async function* () {
      yield { text: "a" };
      yield { text: "b" };
    };
    for await (const { text } of clientOf(system).chat(requests())) texts.push(text);
    expect(texts).toEqual(["a!", "b!"]);
  });
});

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

  it("does not let what a request claims pass for its peer", async () => {
    await using system = await startEcho();
    const path = "/funkygibbon.rpctest.v1.EchoService/Echo";
    await get(system, path, { "content-type": "application/json", "x-funkygibbon-peer": "6.6.6.6:6" }, "POST");
    expect(system.journal.calls[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
  });
});

describe("health over gRPC", () => {
  const HealthClient = makeClientConstructor(healthDefinition, "Health");

  it("answers Check and tells a Watch of changes, for the whole and for each service", async () => {
    await using system = await startEcho();
    const client = new HealthClient(new URL(system.server.url).host, credentials.createInsecure());
    const check = (service: string) =>
      new Promise((resolve) => {
        client.check?.({ service }, (error: { code: number } | null, answer: { status: string }) =>
          resolve(error?.code ?? answer.status),
        );
      });
    expect(await check("")).toBe("SERVING");
    expect(await check("funkygibbon.rpctest.v1.EchoService")).toBe("SERVING");
    expect(await check("nobody.Service")).toBe(5);

    const heard: string[] = [];
    const watch = client.watch?.({ service: "funkygibbon.rpctest.v1.EchoService" });
    watch.on("data", ({ status }: { status: string }) => heard.push(status));
    watch.on("error", () => {});
    await until(() => heard.length === 1, "the Watch has begun");
    await system.server.drain();
    await until(() => heard.length === 2, "the Watch hears of the drain");
    expect(heard).toEqual(["SERVING", "NOT_SERVING"]);
    expect(await check("liveness").catch(() => "gone")).toBe("SERVING");
    client.close();
  });

  it("says NOT_SERVING while a readiness check fails", async () => {
    await using system = await startEcho();
    system.health.addReadinessCheck("database", () => Promise.reject(new Error("away")));
    const client = new HealthClient(new URL(system.server.url).host, credentials.createInsecure());
    const status = await new Promise((resolve) => {
      client.check?.({ service: "" }, (_error: unknown, answer: { status: string }) => resolve(answer.status));
    });
    expect(status).toBe("NOT_SERVING");
    client.close();
  });
});

describe("reflection, asked by buf curl", () => {
  const buf = new URL("../../../node_modules/.bin/buf", import.meta.url).pathname;
  const curl = async (...args: string[]) => (await promisify(execFile)(buf, ["curl", ...args])).stdout;

  it("lists the services and calls them by gRPC and Connect", async () => {
    await using system = await startEcho();
    const { url } = system.server;
    const listed = await curl("--http2-prior-knowledge", "--protocol", "grpc", "--list-services", url);
    expect(listed.trim()).toBe("funkygibbon.rpctest.v1.EchoService");
    const method = `${url}/funkygibbon.rpctest.v1.EchoService/Echo`;
    const grpc = await curl("--http2-prior-knowledge", "--protocol", "grpc", "-d", '{"text":"hello"}', method);
    expect(JSON.parse(grpc)).toEqual({ text: "hello" });
    const alpha = ["--reflect-protocol", "grpc-v1alpha"];
    const old = await curl("--http2-prior-knowledge", "--protocol", "grpc", ...alpha, "-d", '{"text":"hi"}', method);
    expect(JSON.parse(old)).toEqual({ text: "hi" });
    const schema = new URL("../test-proto", import.meta.url).pathname;
    const connect = await curl("--protocol", "connect", "--schema", schema, "-d", '{"text":"hey"}', method);
    expect(JSON.parse(connect)).toEqual({ text: "hey" });
  }, 20_000);

  it("can be switched off", async () => {
    await using system = await startEcho({ reflection: false });
    await expect(
      curl("--http2-prior-knowledge", "--protocol", "grpc", "--list-services", system.server.url),
    ).rejects.toThrow("nimplemented");
  }, 20_000);
});
