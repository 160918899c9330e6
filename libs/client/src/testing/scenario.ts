import type { Clock } from "@funkygibbon/kernel/clock";
import { type Client, type ClientOptions, openClient } from "../client.ts";
import { MemoryStore } from "../memory-store.ts";
import { nodeSha256 } from "../node-hashes.ts";
import type { ModelServer } from "./model-server.ts";

/** A clock that a test moves. */
export class ManualClock implements Clock {
  nowUs: number;

  constructor(nowUs = Date.UTC(2026, 10, 22) * 1_000) {
    this.nowUs = nowUs;
  }

  now(): number {
    return this.nowUs;
  }
}

/** A client of the model server, with waits of no length. */
export function clientOf(
  server: ModelServer,
  options: Partial<ClientOptions> & { readonly deviceId: string },
): Promise<Client> {
  return openClient({
    store: new MemoryStore(),
    transport: server.transport(),
    token: () => "token",
    sha256: nodeSha256,
    random: () => Math.random() / 1_000,
    ...options,
  });
}

/** A signal that ends a test's wait with a clear error. */
export function within(ms = 30_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

/** Clients of model servers, which a test closes all together. */
export function clientPen() {
  const open: Client[] = [];
  const adopt = (client: Client): Client => {
    open.push(client);
    return client;
  };
  const device = async (server: ModelServer, deviceId: string, store = new MemoryStore()): Promise<Client> =>
    adopt(await clientOf(server, { deviceId, store }));
  const connected = async (server: ModelServer, deviceId: string, store = new MemoryStore()): Promise<Client> => {
    const client = await device(server, deviceId, store);
    client.connect();
    await client.settled(within());
    return client;
  };
  const closeAll = async () => {
    for (const client of open.splice(0)) await client[Symbol.asyncDispose]();
  };
  return { adopt, device, connected, closeAll };
}

/** What creates a room of this name. */
export function room(name: string) {
  return { type: "room", body: { name } } as const;
}

/** What the rooms are called. */
export function roomNames(client: Client): readonly string[] {
  return client.graph.rooms().map(({ name }) => name);
}
