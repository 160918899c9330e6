import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { BadRequestSchema, ErrorInfoSchema } from "@funkygibbon/gen/google/rpc/error_details_pb";
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
    // Told by header, so that no timer of the client's hangs up before the server's own.
    const headers = { "connect-timeout-ms": "80", "grpc-timeout": "80m" };
    const error = await connectErrorOf(clientOf(system).echo({ text: "sleep ignoring the signal" }, { headers }));
    expect(error.code).toBe(Code.DeadlineExceeded);
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

  it("while draining answers unary calls that still come, lets streams say go-away and refuses new ones", async () => {
    await using system = await startEcho();
    const client = clientOf(system);
    const numbers: number[] = [];
    const reading = (async () => {
      for await (const { number } of client.count({ text: "then wait", count: 1 })) numbers.push(number);
    })();
    const resting = client.echo({ text: "rest" });
    await until(() => system.journal.calls.length === 2 && numbers.length === 1, "both calls arrive");
    const drained = system.server.drain();
    // A client that is about to call while it is asked to leave the connection repeats that by itself, or does not (Connect).
    await until(() => numbers.length === 2, "the client hears of it");
    expect((await client.echo({ text: "late" })).text).toBe("late");
    const late = async () => {
      for await (const { number } of client.count({ text: "late", count: 1 })) numbers.push(number);
    };
    expect((await connectErrorOf(late())).code).toBe(Code.Unavailable);
    system.journal.rested.resolve();
    expect((await resting).text).toBe("rest");
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
