import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { credentials, makeClientConstructor } from "@grpc/grpc-js";
import { service as healthDefinition } from "grpc-health-check";
import { describe, expect, it } from "vitest";
import { startEcho, until } from "../test-proto/echo-system.ts";

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
    system.health.markDraining();
    await until(() => heard.length === 2, "the Watch hears of the drain");
    expect(heard).toEqual(["SERVING", "NOT_SERVING"]);
    expect(await check("liveness")).toBe("SERVING");
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
