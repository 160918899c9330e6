import { invalid } from "@funkygibbon/kernel/errors";
import { APP_OPTIONS, type AppOptions, type Client, openClient } from "./client.ts";
import { mustBeOptions, type OptionNames } from "./given-options.ts";
import { nodeSha256 } from "./node-hashes.ts";
import { GrpcTransport } from "./node-transport.ts";
import { prepareSearch } from "./search-preparation.ts";
import { SqliteStore } from "./sqlite-store.ts";

/** A client's options without what Node brings. */
export type NodeClientOptions = AppOptions & {
  /** The sync-coordinator, for example `http://127.0.0.1:4402`. */
  readonly url: string;
  /** Where the replica lives between runs, for example `home.db`; default in memory, pulled afresh at every start. */
  readonly file?: string;
};

const OPTIONS: OptionNames<NodeClientOptions> = { url: true, file: true, ...APP_OPTIONS };

/**
 * Opens a client that speaks native gRPC; it does not connect yet.
 * @throws DomainError as {@link SqliteStore.open}, and `invalid` for what is no option, or a malformed one.
 */
export async function openNodeClient(given: NodeClientOptions): Promise<Client> {
  mustBeOptions(given, OPTIONS);
  const { url, file, ...options } = given;
  if (file !== undefined && typeof file !== "string") throw invalid([{ field: "file", description: "must be a path" }]);
  // First, because what it refuses must not leave a store open behind it.
  const transport = new GrpcTransport(url);
  const store = file === undefined ? {} : { store: SqliteStore.open(file) };
  const client = await openClient({ ...options, ...store, transport, sha256: nodeSha256 });
  // Nothing that a process would wait for.
  prepareSearch(client.graph, (work, delayMs) => void setTimeout(work, delayMs).unref());
  return client;
}
