import { describe, expect, test } from "vitest";
import { parseRedisUrl } from "./address.ts";

const NO_LOGIN = { username: undefined, password: undefined };

describe("the address of Redis", () => {
  test("names one node, its database, and who logs in", () => {
    const node = { kind: "node", nodes: [{ host: "127.0.0.1", port: 7_001 }], tls: false, ...NO_LOGIN, database: 0 };
    expect(parseRedisUrl("redis://127.0.0.1:7001")).toEqual(node);
    expect(parseRedisUrl("redis://127.0.0.1:7001/3")).toEqual({ ...node, database: 3 });
    expect(parseRedisUrl("rediss://ada:p%40ss:word@redis")).toEqual({
      ...{ ...node, tls: true, username: "ada", password: "p@ss:word" },
      nodes: [{ host: "redis", port: 6_379 }],
    });
    expect(parseRedisUrl("redis://:secret@[::1]:7001")).toEqual({
      ...{ ...node, password: "secret" },
      nodes: [{ host: "::1", port: 7_001 }],
    });
  });

  test("names some nodes of a cluster", () => {
    const cluster = { kind: "cluster", tls: false, ...NO_LOGIN, database: 0 };
    const nodes = [
      { host: "a", port: 7_001 },
      { host: "b", port: 6_379 },
    ];
    expect(parseRedisUrl("redis://a:7001,b?cluster=true")).toEqual({ ...cluster, nodes });
    expect(parseRedisUrl("redis://a:7001/0?cluster=true")).toEqual({ ...cluster, nodes: nodes.slice(0, 1) });
  });

  test.each([
    ["http://redis", "must be redis://host:port/database"],
    ["redis", "must be redis://host:port/database"],
    ["redis://", "must name node 1 as host or host:port"],
    ["redis://a,?cluster=true", "must name node 2 as host or host:port"],
    ["redis://a:0", "must name node 1 as host or host:port, with a port from 1 to 65535"],
    ["redis://a:70000", "must name node 1 as host or host:port, with a port from 1 to 65535"],
    ["redis://a:7001:7002", "must name node 1 as host or host:port"],
    ["redis://a,b", "names several nodes, which only a cluster has: end it with ?cluster=true"],
    ["redis://a/x", "must name its database by a number"],
    ["redis://a/3?cluster=true", "names database 3, but a cluster has only database 0"],
    ["redis://a?cluster=yes", "takes nothing after the ? but cluster=true"],
    ["redis://a?family=6", "takes nothing after the ? but cluster=true"],
    ["redis://:%zz@a", "must have its user and password percent-encoded"],
  ])("%s is refused: it %s", (url, problem) => {
    expect(() => parseRedisUrl(url)).toThrow(problem);
  });
});
