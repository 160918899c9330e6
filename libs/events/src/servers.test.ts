import { expect, test } from "vitest";
import { parseServers } from "./servers.ts";

test("a NATS URL may name several servers, credentials and TLS", () => {
  expect(parseServers("nats://127.0.0.1:4410")).toEqual({ servers: ["127.0.0.1:4410"] });
  expect(parseServers("nats://a, nats://b:5222")).toEqual({ servers: ["a:4222", "b:5222"] });
  expect(parseServers("nats://ada:p%40ss@host")).toEqual({ servers: ["host:4222"], user: "ada", pass: "p@ss" });
  expect(parseServers("tls://t0ken@host:4222")).toEqual({ servers: ["host:4222"], token: "t0ken", tls: {} });
});
