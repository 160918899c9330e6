import { connectRedis, type RedisConnection, type RedisOptions } from "@funkygibbon/redis/connection";
import { silentLogger } from "@funkygibbon/runtime/log";
import { askBroker } from "./ask-broker.ts";
import { ownServers, type RedisKind } from "./own-servers.ts";

/** Redis of this test's own, empty at the start: a database on the run's server, or a cluster of one node. */
export interface TestRedis extends AsyncDisposable {
  /** As services get it in REDIS_URL. */
  readonly url: string;
  /** A connection to it, closed together with the rest. */
  connect(options?: Partial<RedisOptions>): Promise<RedisConnection>;
}

/** Makes a private Redis. */
export async function createTestRedis(kind: RedisKind = "one node"): Promise<TestRedis> {
  const servers = ownServers();
  const { url } = kind === "a cluster" ? await servers.startRedis(undefined, kind) : await askBroker("redis");
  const redis = testRedisAt(url);
  if (kind === "one node") await (await redis.connect()).client.flushdb();
  return {
    ...redis,
    async [Symbol.asyncDispose]() {
      await redis[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
    },
  };
}

/** A Redis of the test's own; disposing closes the connections to it. */
export function testRedisAt(url: string): TestRedis {
  const connections: RedisConnection[] = [];
  return {
    url,
    async connect(options) {
      // Machines that run tests stall now and then; what a test says about time it says itself.
      const connection = await connectRedis({
        url,
        log: silentLogger(),
        commandTimeoutMs: 5_000,
        firstConnectTimeoutMs: 20_000,
        ...options,
      });
      connections.push(connection);
      return connection;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(connections.map((connection) => connection[Symbol.asyncDispose]()));
    },
  };
}
