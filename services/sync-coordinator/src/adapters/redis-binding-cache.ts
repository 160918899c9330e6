import { parseUserId, type UserId } from "@funkygibbon/kernel/ids";
import type { RedisConnection } from "@funkygibbon/redis/connection";
import type { BindingCache, DeviceRef, SyncTelemetry } from "../domain/ports.ts";
import { bindingKey } from "./redis-keys.ts";

/** As long as the clock is believed without asking PostgreSQL. */
const BINDING_TTL_MS = 60_000;

/** Spares unary syncs a query each; a miss is a question, never an answer. */
export class RedisBindingCache implements BindingCache {
  readonly #redis: RedisConnection;
  readonly #telemetry: Pick<SyncTelemetry, "degraded">;

  constructor(redis: RedisConnection, telemetry: Pick<SyncTelemetry, "degraded">) {
    this.#redis = redis;
    this.#telemetry = telemetry;
  }

  async boundUser(device: DeviceRef): Promise<UserId | undefined> {
    const user = await this.#tryTo(this.#redis.run((client) => client.get(bindingKey(device))));
    return user === undefined || user === null ? undefined : parseUserId(user);
  }

  async remember(device: DeviceRef, user: UserId): Promise<void> {
    await this.#tryTo(this.#redis.run((client) => client.set(bindingKey(device), user, "PX", BINDING_TTL_MS)));
  }

  async forget(device: DeviceRef): Promise<void> {
    await this.#tryTo(this.#redis.run((client) => client.del(bindingKey(device))));
  }

  async #tryTo<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch {
      this.#telemetry.degraded("redis", "binding");
      return undefined;
    }
  }
}
