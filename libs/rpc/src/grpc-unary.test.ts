import { withCallScope } from "@funkygibbon/runtime/call-scope";
import { silentLogger } from "@funkygibbon/runtime/log";
import { extractTrace } from "@funkygibbon/runtime/trace-context";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { EchoService } from "../test-proto/echo_pb.ts";
import { clientOf, errorOf, startEcho, until } from "../test-proto/echo-system.ts";
import { createRpcClient } from "./client.ts";

describe("unary calls over gRPC", () => {
  it("answers, and echoes the request id", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const { text } = await client.echo({ text: "hello" }, { requestId: "r-1" });
    expect(text).toBe("hello");
    expect(system.journal.calls[0]?.requestId).toBe("r-1");
    expect(system.logLines()).toContainEqual(
      expect.objectContaining({ msg: "rpc.finished", requestId: "r-1", code: "OK" }),
    );
  });

  it("sends response headers and trailers", async () => {
    await using system = await startEcho();
    const raw = new Client(new URL(system.server.url).host, credentials.createInsecure());
    const { headers, trailers } = await new Promise<{ headers: Metadata; trailers: Metadata }>((resolve, reject) => {
      const found = { headers: new Metadata(), trailers: new Metadata() };
      const asItIs = (bytes: Buffer) => bytes;
      const call = raw.makeUnaryRequest(
        "/funkygibbon.rpctest.v1.EchoService/Echo",
        asItIs,
        asItIs,
        Buffer.concat([Buffer.from([10, 7]), Buffer.from("headers")]),
        (error: ServiceError | null) => error && reject(error),
      );
      call.on("metadata", (metadata) => {
        found.headers = metadata;
      });
      call.on("status", ({ metadata }) => resolve({ ...found, trailers: metadata }));
    });
    expect(headers.get("x-colour")).toEqual(["green"]);
    expect(headers.get("x-request-id")[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(trailers.get("x-shape")).toEqual(["round"]);
    raw.close();
  });

  it.each([
    [
      "fail invalid",
      { kind: "invalid", reason: "INVALID_FIELD", fields: [{ field: "text", description: "must be kind" }] },
    ],
    ["fail not found", { kind: "not-found", reason: "NOT_FOUND", details: { id: "e-1" } }],
    ["fail stale", { kind: "stale", reason: "STALE", details: { etag: "v2" } }],
    ["fail exhausted", { kind: "exhausted", reason: "RATE_LIMITED", retryAfterMs: 1_500 }],
    ["fail precondition", { kind: "failed-precondition", reason: "EPOCH_CHANGED", message: "another epoch \ufffd" }],
  ])("carries the details of «%s»", async (text, expected) => {
    await using system = await startEcho();
    await using client = clientOf(system);
    expect(await errorOf(client.echo({ text }))).toMatchObject(expected);
  });

  it("hides what a bug said from the caller and logs it with the request id", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const error = await errorOf(client.echo({ text: "bug" }, { requestId: "r-9" }));
    expect(error).toMatchObject({ kind: "internal", reason: "INTERNAL" });
    expect(error.message).not.toContain("hunter2");
    const line = system.logLines().find(({ msg }) => msg === "rpc.finished");
    expect(line).toMatchObject({ level: "error", requestId: "r-9", code: "INTERNAL" });
    expect(JSON.stringify(line)).toContain("hunter2");
  });

  it("ends at the deadline although the handler minds nothing", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const error = await errorOf(client.echo({ text: "sleep ignoring the signal" }, { deadlineMs: 500 }));
    expect(error.kind).toBe("deadline-exceeded");
    await until(() => system.journal.calls[0]?.signal.aborted === true, "the handler's signal aborts");
    expect(system.journal.calls[0]?.deadlineMs).toBeGreaterThan(Date.now() - 5_000);
  });

  it("tells the handler that the caller cancelled", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const controller = new AbortController();
    const answer = errorOf(client.echo({ text: "wait for the signal" }, { signal: controller.signal }));
    await until(() => system.journal.calls.length === 1, "the call arrives");
    controller.abort();
    expect((await answer).kind).toBe("cancelled");
    await until(() => system.journal.calls[0]?.signal.aborted === true, "the handler's signal aborts");
  });

  it("refuses a message over the limit with its reason, far over it with the same code", async () => {
    await using system = await startEcho({ maxMessageBytes: 10_000 });
    await using client = clientOf(system);
    expect(await errorOf(client.echo({ text: "x".repeat(20_000) }))).toMatchObject({
      kind: "exhausted",
      reason: "MESSAGE_TOO_LARGE",
    });
    expect((await errorOf(client.echo({ text: "x".repeat(2_000_000) }))).kind).toBe("exhausted");
    expect(system.journal.calls).toHaveLength(0);
  });

  it("answers INVALID_ARGUMENT to bytes that are no message, UNIMPLEMENTED to an unknown method", async () => {
    await using system = await startEcho();
    const raw = new Client(new URL(system.server.url).host, credentials.createInsecure());
    const asItIs = (bytes: Buffer) => bytes;
    const codeOf = (path: string) =>
      new Promise((resolve) => {
        raw.makeUnaryRequest(path, asItIs, asItIs, Buffer.from([0xff, 0xff]), (error: ServiceError | null) =>
          resolve(error?.code),
        );
      });
    expect(await codeOf("/funkygibbon.rpctest.v1.EchoService/Echo")).toBe(3);
    expect(await codeOf("/funkygibbon.rpctest.v1.EchoService/Nothing")).toBe(12);
    raw.close();
  });

  it("tries an idempotent method again while the server is unavailable, and no other", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    expect((await client.lookup({ text: "flaky" })).text).toBe("at attempt 3");
  });

  it("keeps the transport's own words, which name addresses, out of what may travel on to a caller", async () => {
    const system = await startEcho();
    const { url } = system.server;
    await system[Symbol.asyncDispose]();
    await using client = createRpcClient(EchoService, { url, log: silentLogger(), deadlineMs: 500 });
    const error = await errorOf(client.echo({ text: "anybody there?" }));
    expect(error).toMatchObject({ kind: "unavailable", reason: "UNAVAILABLE", retryAfterMs: 1_000 });
    expect(error.message).not.toContain("127.0.0.1");
    expect(String(error.cause)).toContain("127.0.0.1");
  });

  it("refuses at once after the server was unreachable five times in a row", async () => {
    const system = await startEcho();
    const { url } = system.server;
    await system[Symbol.asyncDispose]();
    await using client = createRpcClient(EchoService, { url, log: silentLogger(), deadlineMs: 500 });
    for (let attempt = 0; attempt < 5; attempt++) await errorOf(client.echo({ text: "anybody there?" }));
    const error = await errorOf(client.echo({ text: "anybody there?" }));
    expect(error).toMatchObject({ kind: "unavailable", retryAfterMs: 1_000 });
    expect(error.message).toContain("does not answer");
  });
});

describe("access over gRPC", () => {
  it.each([
    ["user", {}, "unauthenticated"],
    ["user", { token: "bad" }, "unauthenticated"],
    ["user", { token: "ada" }, "ada/-/-"],
    ["user", { actor: "actor" }, "unauthenticated"],
    ["user", { actor: "actor", service: true }, "ada/mcp-gateway/claude"],
    ["user", { actor: "actor", token: "ada", service: true }, "unauthenticated"],
    ["user", { service: true }, "unauthenticated"],
    ["service", {}, "unauthenticated"],
    ["service", { token: "ada" }, "permission-denied"],
    ["service", { token: "bad" }, "unauthenticated"],
    ["service", { service: true }, "-/mcp-gateway/-"],
    ["service", { token: "ada", service: true }, "ada/mcp-gateway/-"],
    ["service", { actor: "actor", service: true }, "ada/mcp-gateway/claude"],
  ] as const)(
    "class %s with %j: %s",
    async (access, { service, ...options }: { service?: boolean; token?: string; actor?: string }, expected) => {
      await using system = await startEcho({ access });
      await using client = clientOf(system, service === true ? { serviceToken: () => "gateway" } : {});
      const outcome = await client.echo({ text: "who" }, options).then(
        ({ text }) => text,
        ({ kind }) => kind,
      );
      expect(outcome).toBe(expected);
    },
  );
});

describe("one call inside another", () => {
  it("keeps request id and trace, also across waits", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const trace = extractTrace((name) => (name === "traceparent" ? traceparent : undefined));
    const { text } = await withCallScope({ requestId: "r-55", trace }, () => client.echo({ text: "scope" }));
    expect(text).toBe("r-55");
    expect(system.journal.calls[0]?.headers.get("traceparent")).toBe(traceparent);
  });
});

describe("metrics", () => {
  it("counts calls by method and code", async () => {
    await using system = await startEcho();
    await using client = clientOf(system);
    await client.echo({ text: "a" });
    await errorOf(client.echo({ text: "fail not found" }));
    const text = await system.telemetry.prometheusText();
    expect(text).toMatch(/rpc_server_duration_seconds_count\{[^}]*code="OK"[^}]*\} 1/);
    expect(text).toMatch(/rpc_server_duration_seconds_count\{[^}]*code="NOT_FOUND"[^}]*\} 1/);
  });
});
