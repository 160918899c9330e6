import { DiscardPolicy, type NatsConnection, NatsError, nanos, RetentionPolicy, StorageType } from "nats";
import type { StreamDefinition } from "./subjects.ts";

/** JetStream's code for "stream name already in use with a different configuration". */
const NAME_IN_USE = 10_058;

/** Makes the stream, or brings an older one up to its definition. Harmless when several do it at once. */
export async function putStream(connection: NatsConnection, definition: StreamDefinition): Promise<void> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const config = {
    name: definition.name,
    subjects: [...definition.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(definition.maxAgeMs),
    max_bytes: definition.maxBytes,
    duplicate_window: nanos(definition.duplicateWindowMs),
  };
  try {
    await manager.streams.add(config);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== NAME_IN_USE) throw error;
    await manager.streams.update(definition.name, config);
  }
}
