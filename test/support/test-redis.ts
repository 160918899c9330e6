import { connectRedis, type RedisConnection, type RedisOptions } from "@funkygibbon/redis/connection";
import { silentLogger } from "@funkygibbon/runtime/log";
import { askBroker } from "./ask-broker.ts";

/** A Redis database of this test's own, empty at the start, on the run's server. */
export interface TestRedis extends AsyncDisposable {
  /** As services get it in REDIS_URL. */
  readonly url: string;
  /** A connection to it, closed together with the rest. */
  connect(options?: Partial<RedisOptions>): Promise<RedisConnection>;
}

/** Makes a private Redis database. */
export async function createTestRedis(): Promise<TestRedis> {
  const { url } = await askBroker("redis");
  const connections: RedisConnection[] = [];
  const connect = async (options?: Partial<RedisOptions>) => {
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
  };
  await (await connect()).client.flushdb();
  return {
    url,
    connect,
    async [Symbol.asyncDispose]() {
      await Promise.all(connections.map((connection) => connection[Symbol.asyncDispose]()));
    },
  };
}
