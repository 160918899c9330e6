import { systemClock } from "@funkygibbon/kernel/clock";
import { APP_OPTIONS, type AppOptions, type Client, openClient } from "./client.ts";
import { mustBeOptions, type OptionNames } from "./given-options.ts";
import { IndexedDbStore } from "./indexed-db-store.ts";
import { nobleSha256 } from "./noble-hashes.ts";
import { prepareSearch } from "./search-preparation.ts";
import { WebTransport } from "./web-transport.ts";

/** A client's options without what a browser brings. */
export type BrowserClientOptions = AppOptions & {
  /** The sync-coordinator, for example `https://sync.example.org`. */
  readonly url: string;
  /**
   * The IndexedDB database in which the replica lives; all tabs of an origin that name the same one are one device.
   * Default: in memory, each tab a device of its own that pulls afresh at every load.
   */
  readonly database?: string;
};

const OPTIONS: OptionNames<BrowserClientOptions> = { url: true, database: true, ...APP_OPTIONS };

/**
 * Opens a client that speaks Connect over fetch; it does not connect yet.
 * @throws DomainError as {@link IndexedDbStore.open}, and `invalid` for what is no option, or a malformed one.
 */
export async function openBrowserClient(given: BrowserClientOptions): Promise<Client> {
  mustBeOptions(given, OPTIONS);
  const { url, database, ...options } = given;
  const transport = new WebTransport(url, options.clock ?? systemClock);
  const store = database === undefined ? {} : { store: await IndexedDbStore.open(database) };
  const client = await openClient({ ...options, ...store, transport, sha256: nobleSha256 });
  prepareSearch(client.graph, (work, delayMs) => void setTimeout(work, delayMs));
  return client;
}
