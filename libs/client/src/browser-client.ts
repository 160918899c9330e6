import { systemClock } from "@funkygibbon/kernel/clock";
import { type Client, type ClientOptions, openClient } from "./client.ts";
import { IndexedDbStore } from "./indexed-db-store.ts";
import { nobleSha256 } from "./noble-hashes.ts";
import { prepareSearch } from "./search-preparation.ts";
import { WebTransport } from "./web-transport.ts";

/** A client's options without what a browser brings. */
export type BrowserClientOptions = Omit<ClientOptions, "transport" | "sha256" | "store"> & {
  /** The sync-coordinator, for example `https://sync.example.org`. */
  readonly url: string;
  /**
   * The IndexedDB database in which the replica lives; all tabs of an origin that name the same one are one device.
   * Default: in memory, each tab a device of its own that pulls afresh at every load.
   */
  readonly database?: string;
};

/**
 * Opens a client that speaks Connect over fetch; it does not connect yet.
 * @throws DomainError as {@link IndexedDbStore.open}, and `invalid` for a malformed device id.
 */
export async function openBrowserClient({ url, database, ...options }: BrowserClientOptions): Promise<Client> {
  const transport = new WebTransport(url, options.clock ?? systemClock);
  const store = database === undefined ? {} : { store: await IndexedDbStore.open(database) };
  const client = await openClient({ ...options, ...store, transport, sha256: nobleSha256 });
  prepareSearch(client.graph, (work, delayMs) => void setTimeout(work, delayMs));
  return client;
}
