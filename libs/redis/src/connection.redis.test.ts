import { setTimeout as sleep } from "node:timers/promises";
import { must } from "@funkygibbon/kernel/must";
import { silentLogger } from "@funkygibbon/runtime/log";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { lazily } from "../../../test/support/infrastructure.ts";
import { kill, type OwnServers, ownServers, REDIS_KINDS, type RedisKind } from "../../../test/support/own-servers.ts";
import { createTestRedis } from "../../../test/support/test-redis.ts";
import { connectRedis, type RedisConnection } from "./connection.ts";
import { defineScript } from "./script.ts";

const log = silentLogger();
const open: AsyncDisposable[] = [];
const keep = <T extends AsyncDisposable>(resource: T): T => {
  open.push(resource);
  return resource;
};

afterEach(async () => {
  for (const resource of open.splice(0).reverse()) await resource[Symbol.asyncDispose]();
});

const untilAvailable = async (redis: RedisConnection) => {
  for (let waited = 0; !redis.available && waited < 10_000; waited += 20) await sleep(20);
};

test("a test has a database of its own", async () => {
  const [first, second] = [keep(await createTestRedis()), keep(await createTestRedis())];
  await (await first.connect()).run((client) => client.set("name", "one"));
  expect(await (await second.connect()).run((client) => client.get("name"))).toBeNull();
});

/** Of these tests together; a cluster takes its time to begin. */
const shared = Object.fromEntries(REDIS_KINDS.map((kind) => [kind, lazily(() => createTestRedis(kind))]));
const connected = async (kind: RedisKind) => keep(await (await must(shared[kind], "there is one of each")()).connect());
afterAll(async () => {
  for (const redis of Object.values(shared)) if (redis.started) await (await redis())[Symbol.asyncDispose]();
});

describe.each(REDIS_KINDS)("a connection to %s", (kind) => {
  test("runs operations", async () => {
    const redis = await connected(kind);
    expect(await redis.run((client) => client.set("name", "one"))).toBe("OK");
    expect(await redis.run((client) => client.get("name"))).toBe("one");
    expect(redis.available).toBe(true);
  });

  test("tells a command that Redis refuses from a Redis that is away, and stays usable", async () => {
    const redis = await connected(kind);
    await redis.run((client) => client.set("text", "a"));
    for (let count = 0; count < 10; count++) {
      await expect(redis.run((client) => client.incr("text"))).rejects.toMatchObject({ kind: "internal" });
    }
    expect(redis.available).toBe(true);
  });

  test("gives up on an operation when its time is over", async () => {
    const redis = await connected(kind);
    const slow = redis.run((client) => client.blpop("nothing", 60), { timeoutMs: 50 });
    await expect(slow).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("keeps asking Redis when callers were in more of a hurry than Redis may be", async () => {
    const server = await keep(ownServers()).startRedis(undefined, kind);
    const redis = keep(await connectRedis({ url: server.url, log, commandTimeoutMs: 20_000 }));
    process.kill(server.pid, "SIGSTOP");
    const hurried = Array.from({ length: 20 }, () => redis.run((client) => client.get("a"), { timeoutMs: 10 }));
    for (const { status } of await Promise.allSettled(hurried)) expect(status).toBe("rejected");
    expect(redis.available).toBe(true);
    process.kill(server.pid, "SIGCONT");
    expect(await redis.run((client) => client.get("a"))).toBeNull();
  });

  test("takes an answer that has come while this process was busy", async () => {
    const redis = await connected(kind);
    await redis.run((client) => client.set("name", "one"));
    const answer = redis.run((client) => client.get("name"), { timeoutMs: 200 });
    // After the turn in which commands are written.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
    expect(await answer).toBe("one");
  });

  test("can be opened while Redis is away, fails at once, and works when Redis has come", async () => {
    const servers: OwnServers = keep(ownServers());
    const server = await servers.startRedis(undefined, kind);
    await server.stop();
    const redis = keep(await connectRedis({ url: server.url, log, firstConnectTimeoutMs: 100 }));
    await expect(redis.run((client) => client.get("a"))).rejects.toMatchObject({ kind: "unavailable" });
    await expect(redis.ping()).rejects.toMatchObject({ kind: "unavailable" });
    await servers.startRedis(server.port, kind);
    await untilAvailable(redis);
    await redis.ping();
  });

  test("survives a kill and a restart of Redis; what was under way fails instead of being repeated", async () => {
    const servers: OwnServers = keep(ownServers());
    const server = await servers.startRedis(undefined, kind);
    const redis = keep(await connectRedis({ url: server.url, log, commandTimeoutMs: 5_000 }));
    const waiting = redis.run((client) => client.blpop("nothing", 5));
    const failed = expect(waiting).rejects.toMatchObject({ kind: "unavailable" });
    await sleep(50);
    await kill(server);
    await failed;
    expect(redis.available).toBe(false);
    await servers.startRedis(server.port, kind);
    await untilAvailable(redis);
    expect(await redis.run((client) => client.set("back", "1"))).toBe("OK");
  });

  test("stops asking a Redis that hangs, and asks again later", async () => {
    const servers: OwnServers = keep(ownServers());
    const server = await servers.startRedis(undefined, kind);
    const redis = keep(await connectRedis({ url: server.url, log, commandTimeoutMs: 30 }));
    process.kill(server.pid, "SIGSTOP");
    for (let count = 0; count < 5; count++) {
      await expect(redis.run((client) => client.get("a"))).rejects.toMatchObject({ kind: "unavailable" });
    }
    expect(redis.available).toBe(false);
    const asked = vi.fn();
    await expect(redis.run(asked)).rejects.toThrow("Redis keeps failing");
    expect(asked).not.toHaveBeenCalled();
    process.kill(server.pid, "SIGCONT");
    await expect
      .poll(() => redis.run((client) => client.get("a"), { timeoutMs: 5_000 }).catch(() => "still refused"))
      .toBeNull();
    expect(redis.available).toBe(true);
  });
});

describe("a cluster", () => {
  test("refuses what touches two slots, and takes what touches several keys of one household", async () => {
    const redis = await connected("a cluster");
    const keys = ["{one}:a", "{one}:b"];
    expect(await redis.run((client) => client.mget(keys))).toEqual([null, null]);
    await expect(redis.run((client) => client.mget("{one}:a", "{two}:a"))).rejects.toMatchObject({
      kind: "internal",
      cause: { message: expect.stringContaining("same slot") },
    });
    expect(redis.available).toBe(true);
  });
});

describe.each(REDIS_KINDS)("a script on %s", (kind) => {
  const raise = defineScript(
    "raise",
    1,
    `local now = tonumber(redis.call('GET', KEYS[1]) or '0')
     if tonumber(ARGV[1]) > now then redis.call('SET', KEYS[1], ARGV[1]) return tonumber(ARGV[1]) end
     return now`,
  );

  test("runs, also when Redis has forgotten it", async () => {
    const redis = await connected(kind);
    expect(await raise.run(redis, { keys: ["{home}:seq"], args: [7] })).toBe(7);
    expect(await raise.run(redis, { keys: ["{home}:seq"], args: [3] })).toBe(7);
    await redis.client.script("FLUSH");
    expect(await raise.run(redis, { keys: ["{home}:seq"], args: [9] })).toBe(9);
  });

  test("refuses another number of keys than it takes", async () => {
    const redis = await connected(kind);
    expect(() => raise.run(redis, { keys: [] })).toThrow("takes 1 keys");
  });
});
